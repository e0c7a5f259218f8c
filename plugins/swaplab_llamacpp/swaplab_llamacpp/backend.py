"""The llama.cpp driver: one `llama-server` per model, here or in a container, from a recipe or from typed options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, ClassVar

from attrs import Attribute, evolve, fields

from swaplab_core.domain.backend import BackendState, Confidence, FolderFacts, ImageChoice
from swaplab_core.domain.launch import RecipeLaunch
from swaplab_core.domain.node import LOCAL
from swaplab_core.domain.recipe import CachedWeights, Mode, Recipe
from swaplab_core.plugin import ActionSpec, LaunchRequest, LaunchSpec, Plan, PluginFailed, Progress, Usage, read_usage
from swaplab_core.plugin.containers import HUB_INSIDE, Container, docker_spec, host_inside
from swaplab_core.plugin.recipe_runner import (
    RUNNER,
    Readying,
    RecipeBackend,
    check_argv,
    port_of,
    recipe_argument,
    run_spec,
)
from swaplab_core.plugin.recipe_template import BadTemplate
from swaplab_llamacpp import actions, images, recipes
from swaplab_llamacpp.options import LlamaCppOptions
from swaplab_llamacpp.usage import read_step

PROGRAMS = ("llama-server", "llama-server-vulkan")
"""What the server may be called, best first."""

# llama-server allows all origins unless told otherwise, so any web page the operator visits could talk to it.
# As a variable: older builds ignore one they do not know, but do not start with a flag they do not know.
_ENV = {"LLAMA_ARG_CORS_ORIGINS": "localhost"}

_UNFIT_FOR_ALIAS = re.compile(r"[\x00-\x1f\x7f,]+|^-+")
_UNFIT_FOR_A_CONTAINER = re.compile(r"[^a-zA-Z0-9_.-]+")
_LATER_PART = re.compile(r"-(?!0*1-)\d{5}-of-\d{5}\.gguf$")


class LlamaCppBackend(RecipeBackend):
    """Runs GGUF models with llama.cpp's `llama-server`."""

    name: ClassVar[str] = "llamacpp"
    title: ClassVar[str] = "llama.cpp"
    docs_url: ClassVar[str] = "https://github.com/ggml-org/llama.cpp/tree/master/tools/server"
    options: ClassVar[type] = LlamaCppOptions
    words: ClassVar[tuple[str, ...]] = ("llama-cpp", "llamacpp", "llama.cpp")
    runtimes: ClassVar[frozenset[str]] = recipes.RUNTIMES | {"llama-server"}
    parsers: ClassVar[tuple[str, ...]] = (recipes.SCHEMA, "schema2", "schema1", recipes.PRESETS)
    chooses: ClassVar[frozenset[str]] = frozenset({"build_llamacpp"})
    node_macros: ClassVar[tuple[str, ...]] = ("llamacpp_nodes", "nodes")
    readying: ClassVar[Readying] = Readying(600.0, 600.0)

    weights: ClassVar[Mapping[str, int]] = {"gguf": 10}
    needs_folder: ClassVar[bool] = False

    def recognise(self, folder: FolderFacts) -> Confidence:
        """Know the folder by its build script, too."""
        if folder.is_valid and "build-llama-cpp-spark.sh" in folder.files:
            return Confidence.CERTAIN
        return super().recognise(folder)

    def vendor(self, folder: FolderFacts) -> str:  # noqa: ARG002 - the same for all
        """Who makes llama.cpp."""
        return "ggml"

    def needed(self, options: Any) -> tuple[str, ...]:
        """Without a recipe, the entry says what to load."""
        return () if options.model or options.presets or options.models_dir else ("model",)

    def recipe_for(self, weights: CachedWeights, folder: FolderFacts) -> Recipe:
        """See `recipes.recipe_for`."""
        return recipes.recipe_for(weights, images.DEFAULT if folder.is_valid else "")

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
        """Use the folder's runner where there is one, else a container, else the server of this machine."""
        if launch.recipe.format == recipes.PRESETS:
            return _router_of_recipe(request, launch)
        if launch.recipe.format != "schema2" and launch.folder.is_valid:
            return _through_the_runner(request, launch, self.readying)
        return _from_recipe(request, launch, self.readying)

    def launch_without_recipe(self, request: LaunchRequest) -> LaunchSpec:
        """Write the command line; readiness is llama-server's `/health`, which answers 503 while it loads."""
        options: LlamaCppOptions = request.options
        if options.image:
            return _in_a_container(request, options)
        program = _program(options, request.find_program)
        argv = (program, *_arguments(request, options, request.host))
        _check_single_lines(argv)
        return LaunchSpec(argv=argv, base_url=request.base_url, env=_ENV)

    def progress(self, line: str) -> Progress | None:
        """See `usage.read_step`."""
        return read_step(line)

    def usage(self, message: Mapping[str, Any]) -> Usage | None:
        """Read `usage` and llama.cpp's `timings`."""
        return read_usage(message)


def _through_the_runner(request: LaunchRequest, launch: RecipeLaunch, readying: Readying) -> LaunchSpec:
    """Give the folder's runner its recipe; it knows few flags, and hands all others on to llama-server."""
    if launch.settings.mode is Mode.CLUSTER:
        raise PluginFailed(f"{request.model}: llama.cpp runs on one node", advice="set its mode to solo")
    port = port_of(request)
    argv = (RUNNER, recipe_argument(launch), "--solo", "--port", str(port), *launch.settings.extra_args)
    image = launch.settings.container_image
    env = {**_ENV, **({"LLAMA_CPP_SPARK_IMAGE": image} if image else {})}
    name = f"llama_cpp_spark_{_UNFIT_FOR_A_CONTAINER.sub('_', launch.settings.recipe)}_{port}"
    return run_spec(request, launch, argv, name=name, readying=readying, env=env)


def _from_recipe(request: LaunchRequest, launch: RecipeLaunch, readying: Readying) -> LaunchSpec:
    recipe, settings = launch.recipe, launch.settings
    image = settings.container_image or recipe.container
    in_container = bool(image) and (request.node != LOCAL or request.find_program("docker") is not None)
    host = host_inside(request, settings.extra_docker_args) if in_container else request.host
    try:
        arguments = recipes.server_arguments(recipe, host, port_of(request), _alias(request.model))
    except BadTemplate as error:
        raise PluginFailed(f"{request.model}: {error.message}", advice=error.advice) from None
    arguments = (*arguments, *settings.extra_args)
    if not in_container:
        argv = check_argv((_program(LlamaCppOptions(), request.find_program), *arguments))
        return LaunchSpec(argv, request.base_url, env={**_ENV, **recipe.env})
    container = Container(
        image,
        arguments,
        mounts=((launch.hf_home, HUB_INSIDE, ""),),
        env={**_ENV, **recipe.env},
        flags=settings.extra_docker_args,
        publish=True,
    )
    return docker_spec(request, LlamaCppBackend.name, container, ready_seconds=readying.solo_seconds)


def _arguments(request: LaunchRequest, options: LlamaCppOptions, host: str) -> tuple[str, ...]:
    """Say what to serve and where; a router is given only what the entry says, since that beats its presets."""
    place = ("--host", host, "--port", str(port_of(request)))
    if router := _router(options):
        return (*router, *place, *_flags(options, only_said=True), *options.extra_args)
    return (
        *("-m", _path(options.model), "--alias", _alias(request.model)),
        *place,
        *_flags(options),
        *options.extra_args,
    )


def _router(options: LlamaCppOptions) -> tuple[str, ...]:
    """Make llama-server a router: one process that loads and drops the models of a presets file or a folder."""
    sources = (("--models-preset", options.presets), ("--models-dir", options.models_dir))
    found = tuple(word for flag, path in sources if path for word in (flag, _path(path)))
    return (*found, "--models-max", str(options.models_max)) if found else ()


def _in_a_container(request: LaunchRequest, options: LlamaCppOptions) -> LaunchSpec:
    """Run llama-server's image; the folders of files are mounted at their own paths, so that paths mean the same."""
    container = Container(
        options.image,
        _arguments(request, options, host_inside(request, options.docker_args)),
        mounts=tuple((folder, str(folder), "ro") for folder in _folders(options)),
        env=_ENV,
        flags=options.docker_args,
        publish=True,
        gpus=options.gpu_layers != 0,
    )
    return docker_spec(request, LlamaCppBackend.name, container, ready_seconds=LlamaCppBackend.readying.solo_seconds)


def _folders(options: LlamaCppOptions) -> tuple[PurePosixPath, ...]:
    """Return the folders that the options name, or whose files they name, each once."""
    named = (options.model, options.presets, options.mmproj, options.chat_template_file)
    files = [PurePosixPath(_path(path)) for path in named if path]
    folders = [PurePosixPath(_path(options.models_dir))] if options.models_dir else []
    relative = next((path for path in (*files, *folders) if not path.is_absolute()), None)
    if relative is not None:
        raise PluginFailed(f"{relative} is no absolute path, and a container needs one", advice="write the whole path")
    return tuple(dict.fromkeys([*(path.parent for path in files), *folders]))


def _router_of_recipe(request: LaunchRequest, launch: RecipeLaunch) -> LaunchSpec:
    """Run the router of a presets file from a folder of recipes."""
    given = request.options if isinstance(request.options, LlamaCppOptions) else LlamaCppOptions()
    options = evolve(given, presets=str(launch.file), extra_args=launch.settings.extra_args)
    argv = (_program(options, request.find_program), *_arguments(request, options, request.host))
    _check_single_lines(argv)
    return LaunchSpec(argv=argv, base_url=request.base_url, env=_ENV)


def find_server(find_program: Callable[[str], str | None]) -> str | None:
    """Path of the llama-server to use when the entry names none; None when there is none."""
    return next((path for path in map(find_program, PROGRAMS) if path), None)


def _program(options: LlamaCppOptions, find_program: Callable[[str], str | None]) -> str:
    path = find_program(options.binary) if options.binary else find_server(find_program)
    if path is None:
        raise PluginFailed(
            f"llama.cpp's server is not installed: {options.binary or ' or '.join(PROGRAMS)} was not found",
            advice="install llama.cpp so that it is on PATH, or name it in the entry: binary: /path/to/llama-server",
        )
    return path


def _path(path: str) -> str:
    """Return the path as an argument that cannot be taken for a flag; nothing here expands `~`."""
    if path.startswith("~"):
        raise PluginFailed(f"{path}: no shell runs that would know ~", advice="write ${env.HOME}/… or an absolute path")
    if _LATER_PART.search(path):
        raise PluginFailed(f"{path} is not the first part of the model", advice="name the file …-00001-of-….gguf")
    return f"./{path}" if path.startswith("-") else path


def _alias(model: str) -> str:
    """Return the name the server answers under; a comma would make two names of it."""
    return _UNFIT_FOR_ALIAS.sub("_", model) or "_"


def _flags(options: LlamaCppOptions, *, only_said: bool = False) -> Iterator[str]:
    attribute: Attribute[Any]
    for attribute in fields(LlamaCppOptions):
        value = getattr(options, attribute.name)
        if "flag" in attribute.metadata and not (only_said and value == attribute.default):
            yield from _flag(attribute.metadata, value)


def _flag(meaning: Mapping[str, Any], value: object) -> tuple[str, ...]:
    match value:
        case None:
            return ()
        case True:
            return (meaning["flag"],)
        case False:
            return (meaning["off"],) if meaning["off"] else ()
        case _:
            return meaning["flag"], _path(str(value)) if meaning["path"] else str(value)


def _check_single_lines(argv: tuple[str, ...]) -> None:
    for argument in argv:
        if any(character in argument for character in "\n\r\0"):
            raise PluginFailed(
                f"an argument for llama-server holds a line break: {argument!r}",
                advice="write it on one line; a chat template of several lines goes into chatTemplateFile",
            )
