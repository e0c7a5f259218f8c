"""The backend of a plain command line: a model entry with `cmd:`, as llama-swap has it. Knows no engine by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from swaplab_core.plugin import Backend, LaunchRequest, LaunchSpec, PluginFailed, Progress, Usage, read_usage
from swaplab_core.plugin.recipe_runner import labels
from swaplab_core.plugin.run_command import with_labels

_PERCENT = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,6})?) ?%")
_STAGE = re.compile(r"\b(load|download|fetch|pull|compil|captur|warm)", re.IGNORECASE)
_STAGES = {
    "load": "loading",
    "download": "downloading",
    "fetch": "downloading",
    "pull": "downloading",
    "compil": "compiling",
    "captur": "graphs",
    "warm": "warm-up",
}


@frozen
class CommandOptions:
    """What a model entry with a plain command says for this backend."""

    cmd: tuple[str, ...] = field(
        metadata={
            "command": True,
            "help": "The command that starts the model's server. It is split as a shell would do, but no shell runs.",
        }
    )


class CommandBackend(Backend):
    """Runs `cmd` as written. The server is expected on the port that `${PORT}` stood for, or where `proxy` says.

    A container gets labels: who finds it later knows whose it is.
    """

    name: ClassVar[str] = "command"
    title: ClassVar[str] = "Plain command"
    options: ClassVar[type] = CommandOptions
    needs_port: ClassVar[bool] = False

    def launch(self, request: LaunchRequest) -> LaunchSpec:
        """Run the command; the address is "" (so the entry needs `proxy`) when no port was assigned."""
        options: CommandOptions = request.options
        if not options.cmd:
            raise PluginFailed(
                f"the command of model {request.model!r} is empty", advice="write cmd: program arguments"
            )
        return LaunchSpec(argv=with_labels(options.cmd, labels(request, self.name)), base_url=request.base_url)

    def progress(self, line: str) -> Progress | None:
        """Take any percentage that follows a word of loading, as in `Loading shards: 42% Completed | 3/7`."""
        percent = _PERCENT.search(line)
        if percent is None:
            return None
        stage = _STAGE.search(line, 0, percent.start())
        if stage is None:
            return None
        return Progress(_STAGES[stage[1].lower()], fraction=min(float(percent[1]) / 100, 1.0))

    def usage(self, message: Mapping[str, Any]) -> Usage | None:
        """Read what the common engines write."""
        return read_usage(message)
