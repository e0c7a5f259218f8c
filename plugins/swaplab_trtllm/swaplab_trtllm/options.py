"""What a model entry with `backend: trtllm` may say, beside its recipe."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


def _option(explanation: str, default: Any, *, minimum: float | None = None) -> Any:
    return field(default=default, metadata={"help": explanation, "minimum": minimum})


@frozen(kw_only=True)
class TrtllmOptions:
    """With a recipe these are left out; without one the image is run with docker."""

    model: str = _option("Repository or folder of the model, for an entry without a recipe.", "")
    image: str = _option(
        "The container image, for an entry without a recipe.", "nvcr.io/nvidia/tensorrt-llm/release:1.3.0rc3"
    )
    tensor_parallel: int = _option("Over how many GPUs the model is split.", 1, minimum=1)
    max_batch_size: int | None = _option("How many requests are worked on at once.", None, minimum=1)
    max_num_tokens: int | None = _option("How many tokens are worked on at once.", None, minimum=1)
    max_seq_len: int | None = _option("Context in tokens; left out: as the model has it.", None, minimum=1)
    extra_args: tuple[str, ...] = _option("More arguments for trtllm-serve, one list item each; they come last.", ())
