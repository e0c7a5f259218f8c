"""What a model entry with `backend: vllm` may say, beside its recipe."""

from __future__ import annotations

from typing import Any, Literal

from attrs import field, frozen


def _option(explanation: str, default: Any, *, minimum: float | None = None) -> Any:
    return field(default=default, metadata={"help": explanation, "minimum": minimum})


@frozen(kw_only=True)
class VllmOptions:
    """With a recipe, `model` and what follows it are left out; without one `vllm serve` is run on this machine."""

    sleep_level: Literal[0, 1, 2] = _option(
        "Put the model to sleep instead of stopping it: 1 moves its weights to main memory, 2 drops them. 0: stop it. "
        "Needs --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1 in the recipe.",
        0,
    )
    sleep_cycles: int = _option("After so many sleeps it is started afresh; 0: never.", 3, minimum=0)
    ray: bool | None = _option("Several nodes: with Ray, without, or (left out) as the runner does by itself.", None)
    model: str = _option("Repository or folder of the model, for an entry without a recipe.", "")
    binary: str = _option("The vllm program: a name on PATH or a path.", "vllm")
    tensor_parallel: int = _option("Over how many GPUs the model is split.", 1, minimum=1)
    max_model_len: int | None = _option("Context in tokens; left out: as the model has it.", None, minimum=1)
    gpu_memory_utilization: float | None = _option("Share of the GPU's memory that vLLM takes.", None, minimum=0)
    extra_args: tuple[str, ...] = _option("More arguments for vLLM, one list item each; they come last.", ())
