"""The TensorRT-LLM driver: spark folders through their runner, all else in containers of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, ClassVar

from attrs import evolve

from swaplab_core.domain.backend import BackendState, FolderFacts, ImageChoice
from swaplab_core.domain.launch import RecipeLaunch
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import CachedWeights, Mode, Recipe, RecipeValue
from swaplab_core.plugin import (
    ActionSpec,
    LaunchRequest,
    LaunchSpec,
    Plan,
    PluginFailed,
    Progress,
    StopStrategy,
    Usage,
    read_usage,
)
from swaplab_core.plugin.containers import HOME_INSIDE, HUB_INSIDE, STOP_SECONDS, Container, docker_spec, exec_spec
from swaplab_core.plugin.progress import read_marks
from swaplab_core.plugin.recipe_runner import Readying, RecipeBackend, container_name, port_of, run_recipe, slug
from swaplab_core.plugin.recipe_template import BadTemplate
from swaplab_trtllm import actions, images, recipes
from swaplab_trtllm.options import TrtllmOptions
from swaplab_trtllm.usage import MARKS, REFUSED_FIELDS

_FLAGS = ("--ulimit", "memlock=-1", "--ulimit", "stack=67108864")
_RSH = "rsh"


class TrtllmBackend(RecipeBackend):
    """Runs models with TensorRT-LLM."""

    name: ClassVar[str] = "trtllm"
    title: ClassVar[str] = "TensorRT-LLM"
    docs_url: ClassVar[str] = "https://build.nvidia.com/spark/trt-llm"
    metrics_path: ClassVar[str] = "/prometheus/metrics"
    options: ClassVar[type] = TrtllmOptions
    words: ClassVar[tuple[str, ...]] = ("trtllm", "tensorrt-llm")
    runtimes: ClassVar[frozenset[str]] = frozenset({"trtllm", "trtllm-serve", "trtllm-llmapi-launch", "mpirun"})
    chooses: ClassVar[frozenset[str]] = frozenset({"update_trtllm_image", "build_trtllm_image"})
    node_macros: ClassVar[tuple[str, ...]] = ("trtllm_nodes", "vllm_nodes", "sqlang_nodes", "nodes")
    weights: ClassVar[Mapping[str, int]] = {"safetensors": 30}
    needs_folder: ClassVar[bool] = False
    readying: ClassVar[Readying] = Readying(1800.0, 1800.0)
    refused_fields: ClassVar[tuple[str, ...]] = REFUSED_FIELDS

    def vendor(self, folder: FolderFacts) -> str:  # noqa: ARG002 - the same for all
        """NVIDIA makes it."""
        return "nvidia"

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

    def launch_recipe(self, request: LaunchRequest, launch: RecipeLaunch) -> LaunchSpec:
        """Use the folder's runner where there is one for this recipe, containers of our own otherwise."""
        if launch.recipe.format == "schema1" and launch.folder.is_valid:
            return run_recipe(request, launch, backend=self.name, readying=self.readying)
        return _in_containers(request, launch, self.readying)

    def launch_without_recipe(self, request: LaunchRequest) -> LaunchSpec:
        """Run the image with docker."""
        options: TrtllmOptions = request.options
        if not options.model:
            return super().launch_without_recipe(request)
        model = f"./{options.model}" if options.model.startswith("-") else options.model
        command = ("trtllm-serve", model, *_own_flags(request, options), *options.extra_args)
        container = Container(options.image, command, flags=_FLAGS)
        return docker_spec(request, self.name, container, ready_seconds=self.readying.solo_seconds)

    def progress(self, line: str) -> Progress | None:
        """See `usage.MARKS`."""
        return read_marks(line, MARKS)

    def usage(self, message: Mapping[str, object]) -> Usage | None:
        """Read `usage`."""
        return read_usage(message)


def _own_flags(request: LaunchRequest, options: TrtllmOptions) -> Iterator[str]:
    name = request.model if request.model.isprintable() and not request.model.startswith("-") else slug(request.model)
    yield from ("--host", request.host, "--port", str(port_of(request)), "--served_model_name", name)
    yield from ("--backend", "pytorch", "--tp_size", str(options.tensor_parallel))
    amounts = {
        "--max_batch_size": options.max_batch_size,
        "--max_num_tokens": options.max_num_tokens,
        "--max_seq_len": options.max_seq_len,
    }
    for flag, amount in amounts.items():
        if amount is not None:
            yield from (flag, str(amount))


def _in_containers(request: LaunchRequest, launch: RecipeLaunch, readying: Readying) -> LaunchSpec:
    overrides: dict[str, RecipeValue] = {
        "host": request.host,
        "port": port_of(request),
        "tensor_parallel": launch.settings.tensor_parallel,
    }
    try:
        command = (*recipes.command(launch.recipe, overrides), *launch.settings.extra_args)
    except BadTemplate as error:
        raise PluginFailed(f"{request.model}: {error.message}", advice=error.advice) from None
    if launch.settings.mode is Mode.CLUSTER:
        return _over_nodes(request, launch, command, readying)
    container = _container(launch, command)
    seconds = readying.solo_seconds
    return docker_spec(request, TrtllmBackend.name, container, ready_seconds=seconds, files=_files(launch))


def _over_nodes(
    request: LaunchRequest, launch: RecipeLaunch, command: tuple[str, ...], readying: Readying
) -> LaunchSpec:
    """Start a container on each node that only waits, and run the ranks in them from the head's.

    What mpirun leaves behind on a worker dies with the worker's container.
    """
    name = container_name(request)
    hosts = ",".join(launch.addresses)
    exports = (part for variable in ("HF_TOKEN", *launch.recipe.env) for part in ("-x", variable))
    server = command[command.index("trtllm-serve") :] if "trtllm-serve" in command else command
    mpirun = (
        *("mpirun", "--allow-run-as-root", "-np", str(len(launch.nodes)), "-H", hosts),
        *("--mca", "plm_rsh_agent", f"{recipes.INSIDE}/{_RSH}"),
        *exports,
        *("trtllm-llmapi-launch", *server),
    )
    waiting = _container(launch, ("sleep", "infinity"), ssh=True)
    files = {**_files(launch), launch.runs / _RSH: _rsh(name)}
    spec = docker_spec(
        request,
        TrtllmBackend.name,
        waiting,
        ready_seconds=readying.cluster_seconds,
        files=files,
        workers=[(node.id, waiting) for node in launch.nodes[1:]],
    )
    stop = StopStrategy(("docker", "stop", "-t", "20", name), at_least_seconds=STOP_SECONDS + 5)
    return evolve(exec_spec(request, spec, mpirun), stop=stop)


def _rsh(name: str) -> str:
    """Return the program that mpirun takes for ssh: it goes on into the container of that host."""
    return f'#!/bin/sh\nhost="$1"\nshift\nexec ssh -o BatchMode=yes -- "$host" docker exec {name} "$@"\n'


def _files(launch: RecipeLaunch) -> dict[PurePosixPath, str]:
    options = recipes.extra_options(launch.recipe)
    return {launch.runs / recipes.OPTIONS_FILE: options} if options else {}


def _container(launch: RecipeLaunch, command: Sequence[str], *, ssh: bool = False) -> Container:
    recipe, settings = launch.recipe, launch.settings
    keys = ((launch.home / ".ssh", f"{HOME_INSIDE}/.ssh", "ro"),) if ssh else ()
    devices = ("--device", "/dev/infiniband") if ssh else ()
    return Container(
        settings.container_image or recipe.container,
        command,
        mounts=((launch.hf_home, HUB_INSIDE, ""), (launch.runs, recipes.INSIDE, "ro"), *keys),
        env={name: value for name, value in recipe.env.items() if value != f"${{{name}}}"},
        flags=(*_FLAGS, *devices, *_inherited(recipe), *settings.extra_docker_args),
    )


def _inherited(recipe: Recipe) -> Iterator[str]:
    """Name the variables that are taken over from the daemon: docker reads their values, no argv shows them."""
    for name, value in recipe.env.items():
        if value == f"${{{name}}}":
            yield from ("-e", name)
