"""The SGLang driver: spark folders through their runner, sparkrun recipes and plain entries in their own containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from attrs import evolve

from swaplab_core.domain.backend import BackendState, Confidence, FolderFacts, ImageChoice
from swaplab_core.domain.launch import RecipeLaunch
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import CachedWeights, Mode, Recipe, RecipeValue
from swaplab_core.plugin import (
    ActionSpec,
    HttpCall,
    LaunchRequest,
    LaunchSpec,
    Plan,
    PluginFailed,
    Progress,
    SleepCalls,
    Usage,
    read_usage,
)
from swaplab_core.plugin.canary import completion_canary
from swaplab_core.plugin.containers import HUB_INSIDE, Container, docker_spec
from swaplab_core.plugin.progress import read_marks
from swaplab_core.plugin.recipe_runner import Readying, RecipeBackend, port_of, run_recipe, slug
from swaplab_core.plugin.recipe_template import BadTemplate
from swaplab_sglang import actions, images, recipes
from swaplab_sglang.options import SglangOptions
from swaplab_sglang.usage import MARKS

_ENV = {"SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION": "0"}
"""Each look at /health would generate a token otherwise."""


class SglangBackend(RecipeBackend):
    """Runs models with SGLang."""

    name: ClassVar[str] = "sglang"
    title: ClassVar[str] = "SGLang"
    docs_url: ClassVar[str] = "https://docs.sglang.ai"
    options: ClassVar[type] = SglangOptions
    words: ClassVar[tuple[str, ...]] = ("sglang", "sqlang")
    runtimes: ClassVar[frozenset[str]] = frozenset({"sglang", "sqlang", "sglang.launch_server"})
    chooses: ClassVar[frozenset[str]] = frozenset({"pull_sglang_image"})
    node_macros: ClassVar[tuple[str, ...]] = ("sqlang_nodes", "sglang_nodes", "vllm_nodes", "trtllm_nodes", "nodes")
    weights: ClassVar[Mapping[str, int]] = {"safetensors": 20}
    needs_folder: ClassVar[bool] = False

    def recognise(self, folder: FolderFacts) -> Confidence:
        """Take a folder of start scripts, too."""
        if "sglang.launch_server" in "".join(folder.texts.values()) and folder.is_valid:
            return max(super().recognise(folder), Confidence.CONTENT)
        return super().recognise(folder)

    def kind(self, folder: FolderFacts) -> str:  # noqa: ARG002 - one word for all
        """The word that existing clients know, misspelt."""
        return "sqlang"

    def check_recipe(self, recipe: Recipe, folder: FolderFacts) -> Sequence[Problem]:  # noqa: ARG002 - nothing of the folder
        """See `recipes.problems`."""
        return tuple(recipes.problems(recipe))

    def needed(self, options: Any) -> tuple[str, ...]:
        """Without a recipe, the entry says which model."""
        return () if options.model else ("model",)

    def recipe_for(self, weights: CachedWeights, folder: FolderFacts) -> Recipe:  # noqa: ARG002 - the same everywhere
        """See `recipes.recipe_for`."""
        return recipes.recipe_for(weights, images.DEFAULT)

    def images(self, state: BackendState) -> ImageChoice:
        """See `images.images`."""
        return images.images(state)

    def actions(self, state: BackendState) -> Sequence[ActionSpec]:
        """See `actions.actions`."""
        return actions.actions(state)

    def plan(self, action: str, form: Any, state: BackendState) -> Plan:
        """See `actions.plan_of`."""
        return actions.plan_of(action, form, state)

    def may_sleep(self, options: Any) -> bool:
        """A release is asked for in each model's entry."""
        return isinstance(options, SglangOptions) and options.release

    def launch_recipe(self, request: LaunchRequest, launch: RecipeLaunch) -> LaunchSpec:
        """Use the folder's runner where there is one for this recipe, a container of our own otherwise."""
        options: SglangOptions = request.options
        if options.release and not recipes.can_release(launch.recipe):
            raise PluginFailed(
                f"{request.model} is to release its memory, and its recipe would lose the weights",
                advice=f"add {recipes.SAVER} and {recipes.BACKUP} to its command, or set release: false",
            )
        if launch.recipe.format == "schema1" and launch.folder.is_valid:
            spec = run_recipe(request, launch, backend=self.name, readying=self.readying)
        else:
            spec = _in_a_container(request, launch, self.readying)
        return evolve(spec, env={**_ENV, **spec.env}, sleep=_calls(options, recipes.served_name(launch.recipe)))

    def launch_without_recipe(self, request: LaunchRequest) -> LaunchSpec:
        """Run the image with docker."""
        options: SglangOptions = request.options
        if not options.model:
            return super().launch_without_recipe(request)
        command = ("python3", "-m", "sglang.launch_server", *_own_flags(request, options), *options.extra_args)
        container = Container(options.image, command, env=_ENV, flags=("--shm-size", "32g"))
        return evolve(
            docker_spec(request, self.name, container, ready_seconds=self.readying.solo_seconds),
            sleep=_calls(options, request.model),
        )

    def progress(self, line: str) -> Progress | None:
        """See `usage.MARKS`."""
        return read_marks(line, MARKS)

    def usage(self, message: Mapping[str, Any]) -> Usage | None:
        """Read `usage`."""
        return read_usage(message)


def _own_flags(request: LaunchRequest, options: SglangOptions) -> Iterator[str]:
    name = request.model if request.model.isprintable() and not request.model.startswith("-") else slug(request.model)
    yield from ("--model-path", f"./{options.model}" if options.model.startswith("-") else options.model)
    yield from ("--served-model-name", name, "--host", request.host, "--port", str(port_of(request)))
    yield from ("--tp-size", str(options.tensor_parallel))
    if options.mem_fraction_static is not None:
        yield from ("--mem-fraction-static", str(options.mem_fraction_static))
    if options.context_length is not None:
        yield from ("--context-length", str(options.context_length))
    if options.release:
        yield from (recipes.SAVER, recipes.BACKUP)
    yield "--enable-metrics"


def _in_a_container(request: LaunchRequest, launch: RecipeLaunch, readying: Readying) -> LaunchSpec:
    overrides: dict[str, RecipeValue] = {
        "host": request.host,
        "port": port_of(request),
        "tensor_parallel": launch.settings.tensor_parallel,
    }
    try:
        command = (*recipes.command(launch.recipe, overrides), *launch.settings.extra_args)
    except BadTemplate as error:
        raise PluginFailed(f"{request.model}: {error.message}", advice=error.advice) from None
    if launch.settings.mode is Mode.SOLO:
        container = _container(launch, command)
        return docker_spec(request, SglangBackend.name, container, ready_seconds=readying.solo_seconds)
    head, *others = launch.nodes
    ranks = [(*command, *recipes.rank_flags(head.fabric, len(launch.nodes), rank)) for rank in range(len(launch.nodes))]
    workers = [(node.id, _container(launch, rank)) for node, rank in zip(others, ranks[1:], strict=True)]
    container = _container(launch, ranks[0])
    seconds = readying.cluster_seconds
    return docker_spec(request, SglangBackend.name, container, ready_seconds=seconds, workers=workers)


def _container(launch: RecipeLaunch, command: Sequence[str]) -> Container:
    recipe, settings = launch.recipe, launch.settings
    executor = recipe.extra.get("executor_config")
    shm = str(executor.get("shm_size", "32g")) if isinstance(executor, dict) else "32g"
    return Container(
        settings.container_image or recipe.container,
        command,
        mounts=((launch.hf_home, HUB_INSIDE, ""),),
        env={**_ENV, **{name: value for name, value in recipe.env.items() if not value.startswith("${")}},
        flags=("--shm-size", shm, *_inherited(recipe), *settings.extra_docker_args),
    )


def _inherited(recipe: Recipe) -> Iterator[str]:
    """Name the variables that are taken over from the daemon: docker reads their values, no argv shows them."""
    for name, value in recipe.env.items():
        if value == f"${{{name}}}":
            yield from ("-e", name)


def _calls(options: SglangOptions, name: str) -> SleepCalls | None:
    """Everything is released and taken back; the scheduler must be idle, which it is when a model makes room."""
    if not options.release:
        return None
    release = HttpCall("POST", "/release_memory_occupation", body=b"{}")
    resume = HttpCall("POST", "/resume_memory_occupation", body=b"{}")
    return SleepCalls(release, resume, canary=completion_canary(name), cycles=options.release_cycles)
