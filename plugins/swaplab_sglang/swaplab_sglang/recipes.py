"""SGLang's command line out of a recipe, and what a recipe will run into."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import CachedWeights, Recipe, RecipeValue
from swaplab_core.plugin.cached_recipe import recipe_for_cached
from swaplab_core.plugin.flag_map import flags_from, unmapped
from swaplab_core.plugin.recipe_runner import warning
from swaplab_core.plugin.recipe_template import join_lines, render

FLAGS: Mapping[str, str] = {
    "tensor_parallel": "--tp-size",
    "pipeline_parallel": "--pp-size",
    "expert_parallel": "--ep-size",
    "gpu_memory_utilization": "--mem-fraction-static",
    "max_model_len": "--context-length",
    "max_num_seqs": "--max-running-requests",
    "max_num_batched_tokens": "--chunked-prefill-size",
    "chunked_prefill": "--chunked-prefill-size",
    "served_model_name": "--served-model-name",
    "quantization": "--quantization",
    "kv_cache_dtype": "--kv-cache-dtype",
    "trust_remote_code": "--trust-remote-code",
    "attention_backend": "--attention-backend",
    "tool_call_parser": "--tool-call-parser",
    "reasoning_parser": "--reasoning-parser",
    "speculative_algorithm": "--speculative-algorithm",
    "speculative_draft_model": "--speculative-draft-model-path",
    "speculative_num_steps": "--speculative-num-steps",
    "speculative_eagle_topk": "--speculative-eagle-topk",
    "speculative_num_draft_tokens": "--speculative-num-draft-tokens",
    "load_format": "--load-format",
    "enable_memory_saver": "--enable-memory-saver",
    "enable_weights_cpu_backup": "--enable-weights-cpu-backup",
}
"""Generic keys of schema 2, and SGLang's own, by the flag each becomes."""

PLACED = ("host", "port", "model")
DIST_PORT = 25_000
SAVER, BACKUP = "--enable-memory-saver", "--enable-weights-cpu-backup"


def recipe_for(weights: CachedWeights, image: str) -> Recipe:
    """Write a recipe for cached weights; the command is made of the defaults where no runner makes it."""
    words = f"python3 -m sglang.launch_server --model-path {weights.model} --host {{host}} --port {{port}}"
    sizes = "--tp-size {tensor_parallel} --mem-fraction-static {gpu_memory_utilization}"
    text = f"{words} \\\n    {sizes} --context-length {{max_model_len}}\n"
    return recipe_for_cached(weights, image, text, runtime="sglang")


def command(recipe: Recipe, overrides: Mapping[str, RecipeValue]) -> tuple[str, ...]:
    """Return the arguments of the server: the rendered command, or one built from the defaults. Raises BadTemplate."""
    values = {"model": recipe.model, **recipe.defaults, **overrides}
    if recipe.command:
        rendered = render(recipe.command, values, keep_unknown=True)
        return tuple(shlex.split(join_lines(rendered)))
    revision = ("--revision", recipe.revision) if recipe.revision else ()
    where = ("--host", str(values["host"]), "--port", str(values["port"]))
    server = ("python3", "-m", "sglang.launch_server", "--model-path", recipe.model)
    return (*server, *revision, *where, *flags_from(values, FLAGS), "--enable-metrics")


def served_name(recipe: Recipe) -> str:
    """Return the name under which the engine answers: what it is told, else its model."""
    if named := recipe.defaults.get("served_model_name"):
        return str(named)
    found = re.search(r"--served-model-name[ =](\S+)", recipe.command)
    return found[1] if found and "{" not in found[1] else recipe.model


def rank_flags(head: str, nodes: int, rank: int) -> tuple[str, ...]:
    """Return what each of several nodes is told beside the common command; HTTP is served by rank 0."""
    return ("--dist-init-addr", f"{head}:{DIST_PORT}", "--nnodes", str(nodes), "--node-rank", str(rank))


def can_release(recipe: Recipe) -> bool:
    """Does the recipe keep the weights over a release of its memory?"""
    has = {SAVER: recipe.defaults.get("enable_memory_saver"), BACKUP: recipe.defaults.get("enable_weights_cpu_backup")}
    return all(flag in recipe.command or value is True for flag, value in has.items())


def problems(recipe: Recipe) -> Iterator[Problem]:
    """Say what the engine will stumble over."""
    if not recipe.command:
        for key in unmapped(recipe.defaults, FLAGS, dict.fromkeys(PLACED, "")):
            yield warning(f"`{key}` has no flag of SGLang and is left out", "write a `command:`", f"defaults.{key}")
    text = f"{recipe.command} {recipe.defaults.get('quantization', '')}"
    if re.search("nvfp4", recipe.model, re.IGNORECASE) and "modelopt_fp4" not in text:
        yield warning("an NVFP4 model usually needs --quantization modelopt_fp4", "add it to the command", "model")
    policy = recipe.extra.get("executor_config")
    if isinstance(policy, dict) and policy.get("restart_policy"):
        yield warning("restart_policy is left out: swaplab itself restarts a model", "", "executor_config")
