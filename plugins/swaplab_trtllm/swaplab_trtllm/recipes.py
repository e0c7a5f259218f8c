"""TensorRT-LLM's command line and extra options out of a recipe, and what a recipe will run into."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import CachedWeights, Recipe, RecipeValue
from swaplab_core.plugin.cached_recipe import recipe_for_cached
from swaplab_core.plugin.flag_map import flags_from
from swaplab_core.plugin.recipe_runner import warning
from swaplab_core.plugin.recipe_template import join_lines, render
from swaplab_core.plugin.recipe_writer import write_yaml

FLAGS: Mapping[str, str] = {
    "tensor_parallel": "--tp_size",
    "pipeline_parallel": "--pp_size",
    "expert_parallel": "--ep_size",
    "gpu_memory_utilization": "--kv_cache_free_gpu_memory_fraction",
    "max_model_len": "--max_seq_len",
    "max_num_seqs": "--max_batch_size",
    "max_batch_size": "--max_batch_size",
    "max_num_batched_tokens": "--max_num_tokens",
    "max_num_tokens": "--max_num_tokens",
    "served_model_name": "--served_model_name",
    "trust_remote_code": "--trust_remote_code",
    "backend": "--backend",
    "reasoning_parser": "--reasoning_parser",
    "tool_parser": "--tool_parser",
}
"""Generic keys of schema 2, and TensorRT-LLM's own, by the flag each becomes."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "free_gpu_memory_fraction": ("kv_cache_config", "free_gpu_memory_fraction"),
    "kv_cache_dtype": ("kv_cache_config", "dtype"),
    "kv_cache_enable_block_reuse": ("kv_cache_config", "enable_block_reuse"),
    "cuda_graph_padding": ("cuda_graph_config", "enable_padding"),
    "cuda_graph_max_batch_size": ("cuda_graph_config", "max_batch_size"),
    "moe_backend": ("moe_config", "backend"),
    "print_iter_log": ("print_iter_log",),
    "disable_overlap_scheduler": ("disable_overlap_scheduler",),
    "enable_iter_perf_stats": ("enable_iter_perf_stats",),
    "return_perf_metrics": ("return_perf_metrics",),
}
"""Defaults that belong to the extra-options file, and where they stand in it."""

INSIDE = "/swaplab"
"""Where the folder with our files is mounted, inside the container."""

OPTIONS_FILE = "extra.yml"
_OPTIONS_FLAGS = ("--extra_llm_api_options", "--config")


def recipe_for(weights: CachedWeights, image: str) -> Recipe:
    """Write a recipe for cached weights."""
    words = f"trtllm-serve {weights.model} --host {{host}} --port {{port}} --backend pytorch"
    sizes = "--tp_size {tensor_parallel} --kv_cache_free_gpu_memory_fraction {gpu_memory_utilization}"
    text = f"{words} \\\n    {sizes} --max_seq_len {{max_model_len}}\n"
    return recipe_for_cached(weights, image, text, runtime="trtllm")


def extra_options(recipe: Recipe) -> str:
    """Return the text of the extra-options file, "" when the recipe has none of them."""
    tree: dict[str, Any] = {}
    for key, path in OPTIONS.items():
        if key in recipe.defaults:
            place = tree
            for part in path[:-1]:
                place = place.setdefault(part, {})
            place[path[-1]] = recipe.defaults[key]
    return write_yaml(tree) if tree else ""


def command(recipe: Recipe, overrides: Mapping[str, RecipeValue]) -> tuple[str, ...]:
    """Return the arguments of the server: the rendered command, or one built from the defaults. Raises BadTemplate."""
    values = {"model": recipe.model, **recipe.defaults, **overrides}
    options = (_OPTIONS_FLAGS[0], f"{INSIDE}/{OPTIONS_FILE}") if extra_options(recipe) else ()
    if recipe.command:
        words = tuple(shlex.split(join_lines(render(recipe.command, values, keep_unknown=True))))
        return words if any(flag in words for flag in _OPTIONS_FLAGS) else (*words, *options)
    where = ("--host", str(values["host"]), "--port", str(values["port"]))
    return ("trtllm-serve", recipe.model, *where, *flags_from(values, FLAGS), *options)


def problems(recipe: Recipe) -> Iterator[Problem]:
    """Say what the engine will stumble over."""
    known = {"host", "port", "model", *FLAGS, *OPTIONS, *recipe.placeholders}
    for key in recipe.defaults:
        if key not in known and not recipe.command:
            yield warning(
                f"`{key}` has no flag of trtllm-serve and is left out", "write a `command:`", f"defaults.{key}"
            )
    if "gpt-oss" in recipe.model and "TIKTOKEN_ENCODINGS_BASE" not in recipe.env:
        yield warning(
            "gpt-oss models look for their encoding files",
            "put them into a folder and name it in env.TIKTOKEN_ENCODINGS_BASE",
            "env",
        )
