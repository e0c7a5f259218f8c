"""The driver: how a model entry with `backend: echo` becomes a command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from attrs import field, frozen

from swaplab_core.plugin import Backend, LaunchRequest, LaunchSpec, PluginFailed, Progress, Usage, read_usage

PROGRAM = "swaplab-sim"
_LOADING = re.compile(r"loading (\w+) (\d+)%")


@frozen
class EchoOptions:
    """What a model entry may say for this backend."""

    say: str = field(metadata={"help": "What the model answers to everything."})
    tokens_per_second: float = field(default=0, metadata={"help": "How fast it talks; 0: at once.", "minimum": 0})


class EchoBackend(Backend):
    """Runs models that always say the same."""

    name: ClassVar[str] = "echo"
    title: ClassVar[str] = "Echo"
    options: ClassVar[type] = EchoOptions

    def launch(self, request: LaunchRequest) -> LaunchSpec:
        """Write the command line. The engine answers 200 at /health when it is ready, so readiness needs no word."""
        options: EchoOptions = request.options
        program = request.find_program(PROGRAM)
        if program is None:
            raise PluginFailed(f"{PROGRAM} is not installed", advice="pip install swaplab-core")
        address = ("--host", request.host, "--port", str(request.port))
        say = " ".join(options.say.split())  # one line, and `--say=` so that a leading dash is no option
        argv = (program, *address, f"--say={say}", "--tokens-per-second", str(options.tokens_per_second))
        return LaunchSpec(argv=argv, base_url=request.base_url)

    def progress(self, line: str) -> Progress | None:
        """Read how far a load is from a log line."""
        found = _LOADING.search(line)
        return Progress(found[1], int(found[2]) / 100) if found else None

    def usage(self, message: Mapping[str, Any]) -> Usage | None:
        """Read tokens and speeds; this engine writes them as llama.cpp does."""
        return read_usage(message)
