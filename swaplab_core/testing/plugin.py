"""The pytest plugin: fixtures for everyone who tests against swaplab. It is there as soon as swaplab is installed.

- `free_port`     a TCP port that nobody listens on
- `swaplab_sim`   starts simulated engines: `swaplab_sim("--load-seconds", "0.2").base_url`
- `tiny_gguf`     writes tiny models: `tiny_gguf("What it says.")` is a path
- `llama_server`  the real llama-server; without one the test is skipped, or fails if `SWAPLAB_REQUIRE` lists `llamacpp`

Every pytest run loads this module, so it imports nothing heavy.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from swaplab_core.testing.llama_server import ADVICE, find_llama_server
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.require import require
from swaplab_core.testing.sim_process import LISTENING, SimProcess, StartSim, running_sim_process
from swaplab_core.testing.tiny_gguf import write_tiny_gguf


class MakeTinyGguf(Protocol):
    """What the fixture `tiny_gguf` gives."""

    def __call__(self, say: str, *, endless: bool = False, rich: bool = False) -> Path:
        """Answer the path of a model that says this; the same arguments give the same file."""
        ...


@pytest.fixture(autouse=True, scope="session")
def _state_of_daemons_under_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what daemons remember out of the home of whoever runs the tests."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


@pytest.fixture
def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on."""
    return find_free_port()


@pytest.fixture
def swaplab_sim(tmp_path: Path) -> Iterator[StartSim]:
    """Start `swaplab-sim` processes; those that still live at the end of the test are killed."""
    numbers = itertools.count(1)
    with contextlib.ExitStack() as running:

        def start(*arguments: str, until: str | None = LISTENING) -> SimProcess:
            output_file = tmp_path / f"swaplab-sim-{next(numbers)}.log"
            return running.enter_context(running_sim_process(*arguments, output_file=output_file, until=until))

        yield start


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> MakeTinyGguf:
    """Write tiny models for a real llama-server, each once per session."""
    folder = tmp_path_factory.mktemp("tiny-gguf")
    written: dict[tuple[str, bool, bool], Path] = {}

    def make(say: str, *, endless: bool = False, rich: bool = False) -> Path:
        key = (say, endless, rich)
        if key not in written:
            path = folder / f"{len(written) + 1}.gguf"
            write_tiny_gguf(path, say=say, endless=endless, rich=rich)
            written[key] = path
        return written[key]

    return make


@pytest.fixture(scope="session")
def llama_server() -> Path:
    """The path of a real llama-server."""
    return require("llamacpp", find_llama_server(), ADVICE)
