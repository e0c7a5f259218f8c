"""The vLLM driver: recipes of spark-vllm-docker through its runner, or `vllm serve` where there is no recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from attrs import evolve

from swaplab_core.domain.backend import BackendState, FolderFacts, ImageChoice
from swaplab_core.domain.image import with_tag
from swaplab_core.domain.launch import RecipeLaunch
from swaplab_core.domain.plan import Command, Step
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.recipe import CachedWeights, Mode, Recipe, RecipeSettings
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
from swaplab_core.plugin.containers import HOME_INSIDE
from swaplab_core.plugin.progress import read_marks
from swaplab_core.plugin.recipe_runner import (
    LAUNCHER,
    STAYS,
    RecipeBackend,
    check_argv,
    container_name,
    docker_environment,
    knows,
    need,
    port_of,
    run_recipe,
    run_spec,
    slug,
)
from swaplab_core.plugin.recipe_template import BadTemplate
from swaplab_vllm import actions, images, recipes
from swaplab_vllm.options import VllmOptions
from swaplab_vllm.usage import MARKS

_CACHES = (
    (".cache/torchinductor", "/tmp/torchinductor_root"),  # noqa: S108 - inside the container
    (".cache/nv/ComputeCache", f"{HOME_INSIDE}/.nv/ComputeCache"),
)
_CACHE_ENV = {
    "TORCHINDUCTOR_CACHE_DIR": "/tmp/torchinductor_root",  # noqa: S108 - inside the container
    "CUDA_CACHE_PATH": f"{HOME_INSIDE}/.nv/ComputeCache",
    "TRITON_CACHE_DIR": "/tmp/torchinductor_root/triton",  # noqa: S108 - inside the container
}


class VllmBackend(RecipeBackend):
    """Runs models with vLLM."""

    name: ClassVar[str] = "vllm"
    title: ClassVar[str] = "vLLM"
    docs_url: ClassVar[str] = "https://docs.vllm.ai"
    options: ClassVar[type] = VllmOptions
    words: ClassVar[tuple[str, ...]] = ("vllm",)
    runtimes: ClassVar[frozenset[str]] = frozenset(
        {"vllm", "vllm-ray", "vllm-distributed", "eugr-vllm", "vllm.entrypoints.openai.api_server"}
    )
    chooses: ClassVar[frozenset[str]] = frozenset({"pull_vllm_image", "pull_nvidia_image", "update_nvidia_image"})
    node_macros: ClassVar[tuple[str, ...]] = ("vllm_nodes", "trtllm_nodes", "sqlang_nodes", "nodes")

    weights: ClassVar[Mapping[str, int]] = {"safetensors": 10}
    needs_folder: ClassVar[bool] = True

    def kind(self, folder: FolderFacts) -> str:
        """Tell NVIDIA's image apart."""
        return "nvidia" if "nvidia" in folder.name.lower() else "vllm"

    def vendor(self, folder: FolderFacts) -> str:
        """Name NVIDIA where it is NVIDIA's image."""
        return "nvidia" if self.kind(folder) == "nvidia" else ""

    def check_recipe(self, recipe: Recipe, folder: FolderFacts) -> Sequence[Problem]:
        """See `recipes.problems`."""
        return tuple(recipes.problems(recipe, folder))

    def settle(self, recipe: Recipe, settings: RecipeSettings) -> RecipeSettings:
        """Keep compile caches over restarts, and name the image in full; only a cluster can hot swap."""
        image = with_tag(settings.container_image) or ""
        hot_swap = settings.hot_swap and settings.mode is Mode.CLUSTER
        is_vllm = recipe.engine in {recipes.ENGINE, ""}
        return evolve(settings, container_image=image, hot_swap=hot_swap, cache_policy=is_vllm)

    def needed(self, options: Any) -> tuple[str, ...]:
        """Without a recipe, the entry says which model."""
        return () if options.model else ("model",)

    def recipe_for(self, weights: CachedWeights, folder: FolderFacts) -> Recipe:
        """See `recipes.recipe_for`."""
        return recipes.recipe_for(weights, images.default_image(folder))

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
        """Sleeping is asked for in each model's entry."""
        return isinstance(options, VllmOptions) and options.sleep_level > 0

    def launch_recipe(self, request: LaunchRequest, launch: RecipeLaunch) -> LaunchSpec:
        """Give the runner the recipe and its flags, or swap inside a container that is up."""
        sleep = _sleep_calls(request, launch)
        spec = _hot_swap(request, launch) if launch.settings.hot_swap else _run(request, launch, self)
        return evolve(spec, sleep=sleep)

    def launch_without_recipe(self, request: LaunchRequest) -> LaunchSpec:
        """Run `vllm serve` on this machine."""
        options: VllmOptions = request.options
        if not options.model:
            return super().launch_without_recipe(request)
        program = request.find_program(options.binary)
        if program is None:
            raise PluginFailed(
                f"{options.binary} is not installed on this machine",
                advice="install vLLM so that it is on PATH, name it in `binary`, or choose a recipe",
            )
        argv = (program, "serve", _model(options.model), *_own_flags(request, options), *options.extra_args)
        env = {recipes.DEV_MODE: "1"} if options.sleep_level else {}
        return LaunchSpec(
            check_argv(argv), request.base_url, env=env, sleep=_calls(options, _served_name(request.model))
        )

    def progress(self, line: str) -> Progress | None:
        """See `usage.MARKS`."""
        return read_marks(line, MARKS)

    def usage(self, message: Mapping[str, Any]) -> Usage | None:
        """Read `usage` and vLLM's `metrics`."""
        return read_usage(message)


# without a recipe


def _model(model: str) -> str:
    return f"./{model}" if model.startswith("-") else model


def _own_flags(request: LaunchRequest, options: VllmOptions) -> Iterator[str]:
    yield from ("--host", request.host, "--port", str(port_of(request)))
    yield from ("--served-model-name", _served_name(request.model))
    if options.tensor_parallel > 1:
        yield from ("--tensor-parallel-size", str(options.tensor_parallel))
    if options.max_model_len is not None:
        yield from ("--max-model-len", str(options.max_model_len))
    if options.gpu_memory_utilization is not None:
        yield from ("--gpu-memory-utilization", str(options.gpu_memory_utilization))
    if options.sleep_level:
        yield recipes.SLEEP_FLAG


def _served_name(model: str) -> str:
    """Return the name under which the engine answers; its argument parser takes a leading dash for an option."""
    return slug(model) if model.startswith("-") or not model.isprintable() else model


# through the runner


def _run(request: LaunchRequest, launch: RecipeLaunch, backend: VllmBackend) -> LaunchSpec:
    more = tuple(_ray(request.options, launch.folder)) if launch.settings.mode is Mode.CLUSTER else ()
    return run_recipe(
        request, launch, backend=backend.name, readying=backend.readying, flags=more, docker_args=tuple(_caches(launch))
    )


def _ray(options: VllmOptions, folder: FolderFacts) -> Iterator[str]:
    if options.ray is None:
        return
    flag = "--ray" if options.ray else "--no-ray"
    if options.ray and knows(folder, "--no-ray") and not knows(folder, "--ray"):
        return  # the first generation: Ray is what it does by itself
    need(folder, flag, f"run {'with' if options.ray else 'without'} Ray")
    yield flag


def _caches(launch: RecipeLaunch) -> Iterator[str]:
    if not launch.settings.cache_policy:
        return
    for below_home, inside in _CACHES:
        yield from ("-v", f"{launch.home / below_home}:{inside}")
    for name, value in _CACHE_ENV.items():
        yield from ("-e", f"{name}={value}")


# inside a container that is up

END = """\
found=
for place in /proc/[0-9]*; do
    words=" $(tr '\\000' ' ' 2>/dev/null <"$place/cmdline") "
    case $words in
        *" --port $1 "* | *" --port=$1 "*) kill -TERM "${place##*/}" 2>/dev/null && found=yes ;;
    esac
done
[ "$found" ] || { echo "nothing with --port $1 runs here" >&2; exit 1; }
"""
"""Ends what has the port `$1` among its arguments. Not every image has a pkill; a shell and tr are in each."""


def _hot_swap(request: LaunchRequest, launch: RecipeLaunch) -> LaunchSpec:
    """Run the engine in the cluster's container, which stays up between models.

    The container is ours by its name. Stopping ends the one server that has our port; the container, with whatever it
    has cached, waits for the next model.
    """
    port = str(port_of(request))
    container = container_name(request, launch.folder.name)
    try:
        words = recipes.words(
            launch.recipe,
            {"port": port, "host": request.host, "tensor_parallel": launch.settings.tensor_parallel},
        )
    except BadTemplate as error:
        raise PluginFailed(f"{request.model}: {error.message}", advice=error.advice) from None
    exports = (part for name, value in launch.recipe.env.items() for part in ("-e", f"{name}={value}"))
    argv = ("docker", "exec", *exports, container, *words, *launch.settings.extra_args)
    image = launch.settings.container_image or launch.recipe.container
    nodes = ",".join(launch.addresses)
    start = (f"./{LAUNCHER}", "-n", nodes, "-t", image, "--name", container, "-d", "start")
    spec = run_spec(request, launch, argv, name=container, readying=VllmBackend.readying, env={})
    end = ("docker", "exec", container, "sh", "-c", END, "end", port)
    return evolve(
        spec,
        stop=evolve(spec.stop, argv=end),
        before=(_start_cluster(request, launch, start),),
        after=(),
    )


def _start_cluster(request: LaunchRequest, launch: RecipeLaunch, argv: tuple[str, ...]) -> Step:
    words = (*STAYS, *_caches(launch))
    env = docker_environment(request, launch, VllmBackend.name, words)
    command = Command(argv, launch.folder.path, env=env)
    return Step("start the cluster's containers", command, node=request.node, timeout_seconds=600.0)


# sleep


def _sleep_calls(request: LaunchRequest, launch: RecipeLaunch) -> SleepCalls | None:
    options: VllmOptions = request.options
    recipe = launch.recipe
    if options.sleep_level and not recipes.can_sleep(recipe):
        raise PluginFailed(
            f"{request.model} is to sleep, and its recipe {recipe.name!r} cannot",
            advice=f'add {recipes.SLEEP_FLAG} to its command and {recipes.DEV_MODE}: "1" to its env, or sleepLevel: 0',
        )
    return _calls(options, recipes.served_name(recipe, launch.settings.extra_args))


def _calls(options: VllmOptions, name: str) -> SleepCalls | None:
    """Level 2 drops the weights, so they are read again between the two halves of the wake."""
    if not options.sleep_level:
        return None
    sleep = HttpCall("POST", f"/sleep?level={options.sleep_level}&mode=wait")
    canary = completion_canary(name)
    if options.sleep_level == 1:
        return SleepCalls(sleep, HttpCall("POST", "/wake_up"), canary=canary, cycles=options.sleep_cycles)
    then = (
        HttpCall("POST", "/collective_rpc", body=b'{"method": "reload_weights"}'),
        HttpCall("POST", "/wake_up?tags=kv_cache"),
        HttpCall("POST", "/reset_prefix_cache"),
    )
    return SleepCalls(sleep, HttpCall("POST", "/wake_up?tags=weights"), then, canary, options.sleep_cycles)
