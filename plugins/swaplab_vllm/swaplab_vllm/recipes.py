"""What vLLM recipes are: how many GPUs they need, whether they can sleep, and what they will run into."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from swaplab_core.domain.backend import FolderFacts
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import CachedWeights, Recipe, RecipeValue, whole
from swaplab_core.plugin.cached_recipe import recipe_for_cached
from swaplab_core.plugin.recipe_runner import warning
from swaplab_core.plugin.recipe_template import BadTemplate, join_lines, render

ENGINE = "vllm"
DEV_MODE = "VLLM_SERVER_DEV_MODE"
SLEEP_FLAG = "--enable-sleep-mode"

_SIZES = {
    "tensor": ("-tp", "--tensor-parallel-size"),
    "pipeline": ("-pp", "--pipeline-parallel-size"),
    "data": ("-dp", "--data-parallel-size"),
}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@frozen
class World:
    """How a model is split: `unseen` are options that the launcher does not read, so that it drops nodes."""

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    unseen: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many GPUs, one on each node."""
        return self.tensor * self.pipeline * self.data


_COMMAND = """\
vllm serve {model} \\
    --host {{host}} --port {{port}} \\
    --tensor-parallel-size {{tensor_parallel}} \\
    --gpu-memory-utilization {{gpu_memory_utilization}} \\
    --max-model-len {{max_model_len}} \\
    --load-format fastsafetensors --enable-prefix-caching
"""


def recipe_for(weights: CachedWeights, image: str) -> Recipe:
    """Write a recipe for cached weights; the model stands in the command, since not every runner knows `{model}`."""
    return recipe_for_cached(weights, image, _COMMAND.format(model=weights.model))


def words(recipe: Recipe, overrides: Mapping[str, RecipeValue]) -> tuple[str, ...]:
    """Return the rendered command as its arguments. Raises BadTemplate."""
    command = render(recipe.command, {**recipe.defaults, **overrides})
    try:
        return tuple(shlex.split(join_lines(command)))
    except ValueError as error:
        raise BadTemplate(f"the command cannot be split into arguments: {error}", "close the quote") from None


def world(recipe: Recipe) -> World:
    """Read how the command splits the model."""
    try:
        argv = words(recipe, {})
    except BadTemplate:
        return World(tensor=recipe.tensor_parallel)
    sizes: dict[str, int] = {}
    unseen: list[str] = []
    for name, (short, long) in _SIZES.items():
        for place, word in enumerate(argv):
            flag, equals, value = word.partition("=")
            if flag in {short, long}:
                sizes[name] = max(1, whole(value if equals else "".join(argv[place + 1 : place + 2]), 1))
            if flag == short and equals:
                unseen.append(word)
    tensor, pipeline, data = (sizes.get(name, 1) for name in _SIZES)
    return World(tensor, pipeline, data, tuple(unseen))


def served_name(recipe: Recipe, extra_args: Sequence[str] = ()) -> str:
    """Return the name under which the engine answers: what it is told, else its model."""
    try:
        argv = (*words(recipe, {}), *extra_args)
    except BadTemplate:
        argv = tuple(extra_args)
    name = recipe.model
    for place, word in enumerate(argv):
        if (
            word == "serve"
            and argv[place - 1] == ENGINE
            and place + 1 < len(argv)
            and not argv[place + 1].startswith("-")
        ):
            name = argv[place + 1]
    for place, word in enumerate(argv):
        flag, equals, value = word.partition("=")
        if flag == "--served-model-name":
            name = value if equals else "".join(argv[place + 1 : place + 2]) or name
    return name


def can_sleep(recipe: Recipe) -> bool:
    """Has the recipe what sleeping needs: the flag, and the routes that vLLM opens for developers only?"""
    return SLEEP_FLAG in recipe.command and recipe.env.get(DEV_MODE) == "1"


def problems(recipe: Recipe, folder: FolderFacts) -> Iterator[Problem]:
    """Say what the runner or the engine will stumble over."""
    if recipe.engine != ENGINE and recipe.command:
        yield warning(
            f"the engine is {recipe.engine}, not vLLM",
            "set checkEndpoint of the model to a path that answers 200 when it is ready",
            "command",
        )
    yield from _splitting(recipe)
    if can_sleep(recipe) and recipe.defaults.get("host", "0.0.0.0") not in _LOOPBACK:  # noqa: S104 - the engine's own default
        yield warning(
            f"{DEV_MODE} opens routes without a key on every address",
            "set defaults.host to 127.0.0.1",
            f"env.{DEV_MODE}",
        )
    if folder.is_valid:
        for mod in recipe.mods:
            name = mod.removeprefix("mods/").split("/")[0]
            if mod.startswith("mods/") and f"mods/{name}" not in folder.below:
                yield warning(f"{mod} is not in {folder.name}", "add it, or take it out of mods", "mods")


def _splitting(recipe: Recipe) -> Iterator[Problem]:
    split = world(recipe)
    for word in split.unseen:
        yield warning(
            f"the launcher does not read {word}, so it takes the model for a smaller one and drops nodes",
            f"write it as two words: {word.replace('=', ' ')}",
            "command",
        )
    if recipe.solo_only and split.size > 1 and split.pipeline * split.data > 1:
        yield warning(f"it is solo_only and needs {split.size} nodes", "remove solo_only", "solo_only")
