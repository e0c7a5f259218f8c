"""Models on the real llama.cpp that say one text each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from running_swaplab import command

from swaplab_core.testing.plugin import MakeTinyGguf

TEXTS = {"llama-a": "This is model A, and it always says so.", "llama-b": "Here speaks model B, nobody else."}

MakeLlama = Callable[..., dict[str, object]]


@pytest.fixture(scope="session")
def native_llama(llama_server: Path, tiny_gguf: MakeTinyGguf) -> MakeLlama:
    """Make a model entry with `backend: llamacpp`: `native_llama("What it says.", embeddings=True)`."""

    def make(say: str, *, endless: bool = False, **options: object) -> dict[str, object]:
        model = str(tiny_gguf(say, endless=endless))
        return {"backend": "llamacpp", "binary": str(llama_server), "model": model, **SMALL, **options}

    return make


@pytest.fixture(scope="session")
def plain_llama(llama_server: Path, tiny_gguf: MakeTinyGguf) -> MakeLlama:
    """Make a model entry with a plain `cmd` that runs llama-server: `plain_llama("What it says.", "--embeddings")`."""

    def make(say: str, *arguments: str, endless: bool = False) -> dict[str, object]:
        model = tiny_gguf(say, endless=endless)
        small = ("--ctx-size", "8192", "--parallel", "4", "--threads", "1")
        argv = (llama_server, "-m", model, "--host", "127.0.0.1", "--port", "${PORT}", *small, *arguments)
        return {"cmd": command(*argv), "proxy": "http://127.0.0.1:${PORT}"}

    return make


SMALL = {"ctxSize": 8192, "parallel": 4, "threads": 1}


@pytest.fixture(scope="session")
def llamas(native_llama: MakeLlama, plain_llama: MakeLlama) -> dict[str, dict[str, object]]:
    """Two models, one each way, that say what `TEXTS` holds."""
    return {
        "llama-a": native_llama(TEXTS["llama-a"], embeddings=True, pooling="mean"),
        "llama-b": plain_llama(TEXTS["llama-b"], "--embeddings", "--pooling", "mean"),
    }
