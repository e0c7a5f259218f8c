"""What a model entry with `backend: sglang` may say, beside its recipe."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


def _option(explanation: str, default: Any, *, minimum: float | None = None) -> Any:
    return field(default=default, metadata={"help": explanation, "minimum": minimum})


@frozen(kw_only=True)
class SglangOptions:
    """With a recipe, what follows `release` is left out; without one the image is run with docker."""

    release: bool = _option(
        "Release the model's memory instead of stopping it, and take it back when it is asked for. Needs "
        "--enable-memory-saver and --enable-weights-cpu-backup in the recipe.",
        False,
    )
    release_cycles: int = _option("After so many releases it is started afresh; 0: never.", 3, minimum=0)
    model: str = _option("Repository or folder of the model, for an entry without a recipe.", "")
    image: str = _option("The container image, for an entry without a recipe.", "lmsysorg/sglang:latest")
    tensor_parallel: int = _option("Over how many GPUs the model is split.", 1, minimum=1)
    context_length: int | None = _option("Context in tokens; left out: as the model has it.", None, minimum=1)
    mem_fraction_static: float | None = _option("Share of the memory for weights and cache.", None, minimum=0)
    extra_args: tuple[str, ...] = _option("More arguments for SGLang, one list item each; they come last.", ())
