"""The shared base of backends whose folders hold `run-recipe.sh` and `recipes/`.

Lives here: what all such runners have in common. A runner is given its recipe and flags, never a rendered command: it
renders the recipe itself, and its argument parser takes a misspelt flag for an argument of the engine. So flags that
not every generation knows are only given when the runner's text holds them.

Each launch has a container of its own name, so that two models cannot meet in one, and so that what a hard end leaves
behind is found again by the next start.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import ClassVar
from zlib import crc32

from attrs import evolve, frozen

from swaplab_core.domain.backend import Confidence, FolderFacts
from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchRequest, LaunchSpec, Readiness, RecipeLaunch, StopStrategy
from swaplab_core.domain.node import LOCAL
from swaplab_core.domain.plan import Command, Step
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.domain.recipe import Mode, Recipe, RecipeSettings
from swaplab_core.plugin.interface import Backend

RUNNER = "./run-recipe.sh"
LAUNCHER = "launch-cluster.sh"
EXTRA_DOCKER_ARGS = "VLLM_SPARK_EXTRA_DOCKER_ARGS"
"""The variable whose words the launcher adds to `docker run`, in every version of it."""

SECONDS_PER_NODE = 10.0
"""The launcher stops container after container, and docker waits that long for the shell inside."""

STAYS = ("--label", "swaplab.stays=1")
"""Options that label a container as one that outlives its models: the next one goes into it."""

_UNFIT_FOR_A_NAME = re.compile(r"[^a-zA-Z0-9_.-]+")
_LONGEST_SLUG = 40
_FIRST_MASTER_PORT = 29_501
_MASTER_PORTS = 2_000


@frozen
class Readying:
    """How long an engine of this kind may take to come up, alone and over several nodes, in seconds."""

    solo_seconds: float = 900.0
    cluster_seconds: float = 1800.0


class RecipeBackend(Backend):
    """A backend of recipe folders; a subclass says which words are its own and what its runner is like.

    `words` are parts of a folder's name, `runtimes` what recipes call the engine (the `runtime:` key, or the program
    of the command).
    """

    parsers: ClassVar[tuple[str, ...]] = ("schema1", "schema2")
    node_macros: ClassVar[tuple[str, ...]] = ("nodes",)
    words: ClassVar[tuple[str, ...]] = ()
    runtimes: ClassVar[frozenset[str]] = frozenset()
    readying: ClassVar[Readying] = Readying()

    def recognise(self, folder: FolderFacts) -> Confidence:
        """Go by what the recipes run; a name alone is a weaker sign."""
        if not folder.is_valid:
            return Confidence.NO
        if folder.runtimes and folder.runtimes <= self.runtimes:
            return Confidence.CERTAIN
        is_named = any(word in folder.name.lower() for word in self.words)
        if folder.runtimes & self.runtimes:
            return Confidence.CERTAIN if is_named else Confidence.CONTENT
        return Confidence.NAME if is_named else Confidence.NO

    def claims(self, recipe: Recipe) -> Confidence:
        """Go by the runtime, then by the program, then by the image."""
        if recipe.runtime and recipe.runtime in self.runtimes:
            return Confidence.CERTAIN
        if recipe.engine in self.runtimes:
            return Confidence.CONTENT
        return Confidence.NAME if any(word in recipe.container for word in self.words) else Confidence.NO

    def check_recipe(self, recipe: Recipe, folder: FolderFacts) -> Sequence[Problem]:  # noqa: ARG002 - for subclasses
        """Nothing in particular."""
        return ()

    def settle(self, recipe: Recipe, settings: RecipeSettings) -> RecipeSettings:  # noqa: ARG002 - for subclasses
        """Take hot swap off: an engine that can swap inside a running container says so by its own `settle`."""
        return evolve(settings, hot_swap=False)

    def kind(self, folder: FolderFacts) -> str:  # noqa: ARG002 - for subclasses
        """The driver's own name."""
        return self.name

    def vendor(self, folder: FolderFacts) -> str:  # noqa: ARG002 - for subclasses
        """Nobody in particular."""
        return ""

    def launch(self, request: LaunchRequest) -> LaunchSpec:
        """Run the recipe, or what the entry says without one."""
        if request.recipe is None:
            return self.launch_without_recipe(request)
        check_settings(request.model, request.recipe)
        return self.launch_recipe(request, request.recipe)

    @abstractmethod
    def launch_recipe(self, request: LaunchRequest, launch: RecipeLaunch) -> LaunchSpec:
        """Make the launch spec of a model that uses a recipe."""

    def launch_without_recipe(self, request: LaunchRequest) -> LaunchSpec:
        """Refuse: there is nothing to run."""
        raise PluginFailed(
            f"{request.model} names no recipe", advice="choose one on the Recipes page, or write metadata.recipe_ui"
        )


def check_settings(model: ModelId, launch: RecipeLaunch) -> None:
    """Hold the settings against the recipe. Raises PluginFailed."""
    recipe, settings = launch.recipe, launch.settings
    if recipe.solo_only and settings.mode is Mode.CLUSTER:
        raise PluginFailed(f"{model}: {recipe.name} runs on one node only", advice="set its mode to solo")
    if recipe.cluster_only and settings.mode is Mode.SOLO:
        raise PluginFailed(f"{model}: {recipe.name} needs several nodes", advice="set its mode to cluster")
    if settings.mode is Mode.CLUSTER and not settings.nodes:
        raise PluginFailed(f"{model} runs over several nodes and names none", advice="set its nodes, the head first")
    if misfit := nodes_misfit(recipe, settings):
        raise PluginFailed(f"{model}: {recipe.name} {misfit}", advice="name as many nodes, the head first")


def nodes_misfit(recipe: Recipe, settings: RecipeSettings) -> str:
    """Why a recipe does not run on so many nodes, "" when it does or nobody can say.

    Only the second schema means `min_nodes` and `max_nodes`; older recipes carry them, and nobody reads them.
    """
    if recipe.format != "schema2" or any("${" in node for node in settings.nodes):
        return ""
    count = len(settings.nodes) if settings.mode is Mode.CLUSTER else 1
    least, most = recipe.min_nodes, recipe.max_nodes
    if least <= count and (not most or count <= most):
        return ""
    wanted = str(least) if least == most else f"{least} to {most}" if most else f"at least {least}"
    return f"runs on {wanted} nodes, not on {count}"


# names and arguments


def slug(text: str) -> str:
    """Return a short word for names of containers and values of labels; the same text gives the same word."""
    word = _UNFIT_FOR_A_NAME.sub("-", text).strip("-.")[:_LONGEST_SLUG] or "model"
    return word if word == text else f"{word}-{crc32(text.encode()):08x}"


def container_name(request: LaunchRequest, what: str = "") -> str:
    """Name the container of a model (or of `what`): the same whenever this daemon starts it, and no other daemon's."""
    return f"swaplab_{slug(what or request.model)}_{request.instance}"


def labels(request: LaunchRequest, backend: str) -> tuple[str, ...]:
    """Return the options that label a container as ours, without blanks in their values."""
    return (
        *("--label", "swaplab.managed=1"),
        *("--label", f"swaplab.model={slug(request.model)}"),
        *("--label", f"swaplab.backend={backend}"),
        *("--label", f"swaplab.instance={request.instance}"),
    )


def recipe_argument(launch: RecipeLaunch) -> str:
    """Name the recipe so that every runner finds exactly this file, whatever else has its stem."""
    return str(launch.file) if launch.relative is None else f"recipes/{launch.relative}"


def port_of(request: LaunchRequest) -> int:
    """Return the port; every recipe backend has one."""
    assert request.port is not None, "the core gives a port to every driver with needs_port"
    return request.port


def master_port(port: int) -> int:
    """Return the port on which the nodes of a model find each other: one for each model's own port."""
    return _FIRST_MASTER_PORT + port % _MASTER_PORTS


def placement(launch: RecipeLaunch) -> tuple[str, ...]:
    """Return `--solo`, or the nodes, the head first; a runner that gets neither asks on its terminal."""
    return ("--solo",) if launch.settings.mode is Mode.SOLO else ("-n", ",".join(launch.addresses))


def limit_flags(settings: RecipeSettings) -> Iterator[str]:
    """Yield the limits of an unprivileged container."""
    limits = settings.limits
    if not limits.non_privileged:
        return
    yield "--non-privileged"
    amounts = {
        "--mem-limit-gb": limits.mem_limit_gb,
        "--mem-swap-limit-gb": limits.mem_swap_limit_gb,
        "--pids-limit": limits.pids_limit,
        "--shm-size-gb": limits.shm_size_gb,
    }
    for flag, amount in amounts.items():
        if amount > 0:
            yield from (flag, str(amount))


def knows(folder: FolderFacts, flag: str) -> bool:
    """Does the runner's text hold this flag as a word of its own?"""
    pattern = re.compile(rf"(?<![\w-]){re.escape(flag)}(?![\w-])")
    return any(pattern.search(text) for text in folder.texts.values())


def need(folder: FolderFacts, flag: str, purpose: str) -> None:
    """Raise PluginFailed when the runner lacks a flag without which a setting cannot be followed."""
    if not knows(folder, flag):
        raise PluginFailed(
            f"{folder.path}/run-recipe.sh does not know {flag}, so it cannot {purpose}",
            advice="update the checkout, or take the setting back",
        )


def check_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """Return the argv; raises PluginFailed when an argument holds a line break."""
    for argument in argv:
        if any(character in argument for character in "\n\r\0"):
            raise PluginFailed(f"an argument holds a line break: {argument!r}", advice="write it on one line")
    return tuple(argv)


# the launch itself


def run_recipe(
    request: LaunchRequest,
    launch: RecipeLaunch,
    *,
    backend: str,
    readying: Readying,
    flags: Sequence[str] = (),
    docker_args: Sequence[str] = (),
) -> LaunchSpec:
    """Give the runner of the folder its recipe: `flags` beside the common ones, `docker_args` for its containers."""
    name = container_name(request)
    argv = (
        RUNNER,
        recipe_argument(launch),
        *_common_flags(request, launch, name),
        *flags,
        *limit_flags(launch.settings),
        *_engine_arguments(request, launch),
    )
    env = docker_environment(request, launch, backend, docker_args)
    return run_spec(request, launch, argv, name=name, readying=readying, env=env)


def _common_flags(request: LaunchRequest, launch: RecipeLaunch, name: str) -> Iterator[str]:
    settings, folder = launch.settings, launch.folder
    yield from placement(launch)
    yield from ("--tp", str(settings.tensor_parallel))
    yield from ("--port", str(port_of(request)))
    if "host" in launch.recipe.placeholders and knows(folder, "--host"):
        yield from ("--host", request.host)
    if knows(folder, "--name"):
        yield from ("--name", name)
    if settings.mode is Mode.CLUSTER and knows(folder, "--master-port"):
        yield from ("--master-port", str(master_port(port_of(request))))
    if settings.container_image:
        need(folder, "-t", "run another image than the recipe's")
        yield from ("-t", settings.container_image)


def _engine_arguments(request: LaunchRequest, launch: RecipeLaunch) -> tuple[str, ...]:
    """Return what stands behind `--`: the last of several equal options wins, so the port is certain."""
    port = () if "port" in launch.recipe.placeholders else ("--port", str(port_of(request)))
    args = (*port, *launch.settings.extra_args)
    return ("--", *args) if args else ()


def docker_environment(
    request: LaunchRequest, launch: RecipeLaunch, backend: str, docker_args: Sequence[str]
) -> dict[str, str]:
    """Return the variable that the launcher splits at blanks and hands to docker run: labels, and what is wanted."""
    words = ("--init", *labels(request, backend), *docker_args, *launch.settings.extra_docker_args)
    spaced = next((word for word in words if any(char.isspace() for char in word)), None)
    if spaced is not None:
        raise PluginFailed(
            f"{request.model}: {spaced!r} holds a blank, where the launcher would split it",
            advice="use a path, or a value, without blanks",
        )
    return {EXTRA_DOCKER_ARGS: " ".join(words)}


def run_spec(
    request: LaunchRequest,
    launch: RecipeLaunch,
    argv: Sequence[str],
    *,
    name: str,
    readying: Readying,
    env: Mapping[str, str],
) -> LaunchSpec:
    """Put a launch together: the runner in its folder, its container swept away before and after."""
    is_cluster = launch.settings.mode is Mode.CLUSTER
    nodes = len(launch.settings.nodes) if is_cluster else 1
    sweep = sweeps(request, launch, name)
    return LaunchSpec(
        argv=check_argv(argv),
        base_url=request.base_url,
        env=env,
        cwd=launch.folder.path,
        readiness=Readiness(at_least_seconds=readying.cluster_seconds if is_cluster else readying.solo_seconds),
        stop=StopStrategy(at_least_seconds=SECONDS_PER_NODE * nodes + 5),
        node=request.node,
        before=sweep,
        after=sweep,
    )


def sweeps(request: LaunchRequest, launch: RecipeLaunch, name: str) -> tuple[Step, ...]:
    """Return the steps that leave no container of this name on any node."""
    steps: list[Step] = []
    nodes = launch.addresses if launch.settings.mode is Mode.CLUSTER else ()
    if nodes and LAUNCHER in launch.folder.files:
        stop = (f"./{LAUNCHER}", "-n", ",".join(nodes), "--name", name, "stop")
        steps.append(_sweep(request, "stop the containers of all nodes", stop, launch.folder.path, 60.0))
    if request.node != LOCAL or request.find_program("docker") is not None:
        steps.append(_sweep(request, "remove the container", ("docker", "rm", "-f", name), None, 30.0))
    return tuple(steps)


def _sweep(
    request: LaunchRequest, title: str, argv: tuple[str, ...], cwd: PurePosixPath | None, seconds: float
) -> Step:
    return Step(title, Command(argv, cwd), node=request.node, timeout_seconds=seconds, optional=True)


def warning(message: str, advice: str = "", path: str = "") -> Problem:
    """Make a warning about a recipe."""
    return Problem(message, advice, path, severity=Severity.WARNING)
