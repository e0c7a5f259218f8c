"""Driver base classes: what a backend plugin implements.

A driver is data and pure functions. It starts no process, opens no connection and writes no file: it says what the
core shall run. `swaplab_core.testing.contracts` holds the suite that every driver must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from swaplab_core.domain.launch import LaunchRequest, LaunchSpec
from swaplab_core.domain.metering import Progress, Usage


class Backend(ABC):
    """A runtime family: llama.cpp, vLLM, a plain command. One instance serves all models of the backend.

    Registered in the entry-point group `swaplab.backends`; a model entry chooses it with `backend: <name>`.

    `options` is an attrs class: the keys a model entry may carry for this backend, beside the keys every model has
    (`proxy`, `checkEndpoint`, `ttl`, `env`, `aliases`, …, see docs/reference/config.md). Field names are snake_case,
    the keys in the file camelCase. A field's `metadata["help"]` documents it. The core checks and converts the entry
    before `launch` sees it, so a wrong key or type is reported with its line, not by the driver.

    `needs_port` is True when each model gets a free port from `startPort` on; otherwise only an entry that
    mentions `${PORT}` does.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    docs_url: ClassVar[str] = ""
    options: ClassVar[type]
    needs_port: ClassVar[bool] = True

    @abstractmethod
    def launch(self, request: LaunchRequest) -> LaunchSpec:
        """Make the launch spec of one model.

        Called when the model is about to start, each time anew. Keys of the model entry (`proxy`, `env`,
        `checkEndpoint`, `cmdStop`, timeouts) are laid over the result by the core. Raises PluginFailed with advice when
        the model cannot be launched, for example because the engine's program is not installed.
        """

    def progress(self, line: str) -> Progress | None:  # noqa: ARG002 - the base class knows no engine
        """Read one log line (text, no line break) while the model loads; None when it says nothing of progress."""
        return None

    def usage(self, message: Mapping[str, Any]) -> Usage | None:  # noqa: ARG002 - the base class knows no engine
        """Read tokens and speeds from one decoded JSON response or stream event; None when it holds none."""
        return None
