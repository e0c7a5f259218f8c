"""A swaplab with tiny models on the real llama.cpp, for the clients that people use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running_swaplab import Swaplab, running_swaplab

from swaplab_core.testing.plugin import MakeTinyGguf

THOUGHT, ANSWER = "Let me see.", "It is sunny."
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'


@pytest.fixture(scope="session")
def llama_lab(
    llama_server: Path, tiny_gguf: MakeTinyGguf, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Swaplab]:
    """One thinks and answers, one calls a tool, one only talks, and one is for embeddings; one of them at a time."""

    def entry(say: str, *, rich: bool = True, **options: object) -> dict[str, object]:
        path = str(tiny_gguf(say, rich=rich))
        small = {"ctxSize": 8192, "parallel": 2, "threads": 1}
        return {"backend": "llamacpp", "binary": str(llama_server), "model": path, **small, **options}

    models = {
        "thinker": entry(f"<think>\n{THOUGHT}\n</think>\n\n{ANSWER}"),
        "caller": entry(CALL),
        "plain": entry("No braces here.", rich=False),
        "embedder": entry("Nothing to say.", embeddings=True, pooling="mean"),
    }
    with running_swaplab(tmp_path_factory.mktemp("llamas"), models) as swaplab:
        yield swaplab
