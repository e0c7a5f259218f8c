"""What is read off a model's entry: Swap Laboratories' cases of tokenizers of GGUF models."""

from __future__ import annotations

import pytest

from swaplab_benchy.facts import facts_of
from swaplab_benchy.targets import tokenizer_of

LLAMA, VLLM = "/home/me/backend/spark-llama-cpp", "/home/me/backend/spark-vllm-docker"


def entry(use_model_name, backend_dir="", **metadata):
    recipe = {"recipe_ui": {"backend_dir": backend_dir}} if backend_dir else {}
    return {"useModelName": use_model_name, "metadata": {**recipe, **metadata}}


QWEN = entry("models--unsloth--Qwen3.5-122B-A10B-GGUF", LLAMA)
NEXT = "unsloth/Qwen3-Next-80B-A3B-Thinking"


@pytest.mark.parametrize(
    ("model", "written", "given", "expected"),
    [
        ("Qwen3.5-122B-A10B-GGUF", QWEN, "", "unsloth/Qwen3.5-122B-A10B"),
        ("Qwen3.5-122B-A10B-GGUF", QWEN, "Qwen3.5-122B-A10B-GGUF", "unsloth/Qwen3.5-122B-A10B"),
        ("Qwen3.5-122B-A10B-GGUF", QWEN, "models--unsloth--Qwen3.5-122B-A10B-GGUF", "unsloth/Qwen3.5-122B-A10B"),
        ("next-gguf", entry(f"{NEXT}-GGUF", LLAMA), "", NEXT),
        ("next-gguf", entry(f"{NEXT}-GGUF", LLAMA, tokenizer="Qwen/Q"), "", "Qwen/Q"),
        ("next-gguf", entry(f"{NEXT}-GGUF", VLLM), "", f"{NEXT}-GGUF"),
        ("m", {"cmd": "llama-cpp-run x", "useModelName": "o/n_gguf"}, "", "o/n"),
        ("m", {"backend": "llamacpp", "useModelName": "o/n.gguf"}, "", "o/n"),
    ],
)
def test_the_tokenizer_of_a_gguf_model_is_that_of_the_model_it_was_made_from(model, written, given, expected):
    assert tokenizer_of(facts_of(model, {"id": model, "aliases": ()}, written), given) == expected
