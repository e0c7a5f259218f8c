"""What stands for an engine inside a container: its own command line, understood as far as it matters, run by the sim.

`llama-server` is the real one where SWAPLAB_KIT_LLAMA_SERVER names it. SWAPLAB_KIT_SIM holds more arguments for the
simulator, as a shell would split them.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence

SIM = (sys.executable, "-m", "swaplab_core.testing.sim")
REAL_LLAMA_SERVER = "SWAPLAB_KIT_LLAMA_SERVER"
MORE = "SWAPLAB_KIT_SIM"
NAMES: Mapping[str, tuple[str, ...]] = {
    "vllm": ("--served-model-name",),
    "sglang": ("--served-model-name", "--model-path"),
    "trtllm-serve": ("--served_model_name",),
    "llama-server": ("--alias", "-m", "-hf"),
    "uvicorn": (),
}


def main() -> None:
    """Become the engine."""
    program, *arguments = sys.argv[1:]
    if program == "python3":
        _python(arguments)
    if program == "mpirun":
        program, *arguments = arguments[arguments.index("trtllm-serve") :]
    real = os.environ.get(REAL_LLAMA_SERVER)
    if program == "llama-server" and real:
        os.execv(real, [real, *arguments])  # noqa: S606 - becoming the engine is the purpose
    argv = sim_argv(program, arguments)
    os.execv(argv[0], argv)  # noqa: S606 - as above


def _python(arguments: list[str]) -> None:
    """Run a module of SGLang by the sim, anything else by the Python that runs us."""
    if arguments[:2] != ["-m", "sglang.launch_server"]:
        os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - as above
    argv = sim_argv("sglang", arguments[2:])
    os.execv(argv[0], argv)  # noqa: S606 - as above


def sim_argv(program: str, arguments: Sequence[str]) -> list[str]:
    """Return the simulator's command line for an engine's."""
    host = option(arguments, "--host") or "127.0.0.1"
    port = option(arguments, "--port") or "8000"
    model = next((name for flag in NAMES[program] if (name := option(arguments, flag))), program)
    style = {"vllm": "vllm", "llama-server": "llamacpp"}.get(program, "generic")
    key = option(arguments, "--api-key")
    more = shlex.split(os.environ.get(MORE, ""))
    keyed = ("--api-key", key) if key else ()
    return [*SIM, "--host", host, "--port", port, "--model", model, "--load-style", style, *keyed, *more]


def option(arguments: Sequence[str], flag: str) -> str:
    """Return the value of the last `flag VALUE` or `flag=VALUE`, as an engine's parser would."""
    found = ""
    for place, word in enumerate(arguments):
        if word == flag and place + 1 < len(arguments):
            found = arguments[place + 1]
        elif word.startswith(f"{flag}="):
            found = word.partition("=")[2]
    return found


if __name__ == "__main__":
    main()
