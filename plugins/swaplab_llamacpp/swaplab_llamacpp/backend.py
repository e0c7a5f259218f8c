"""The llama.cpp driver: one `llama-server` process per model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from attrs import Attribute, fields

from swaplab_core.plugin import Backend, LaunchRequest, LaunchSpec, PluginFailed, Progress, Usage, read_usage
from swaplab_llamacpp.options import LlamaCppOptions

PROGRAMS = ("llama-server", "llama-server-vulkan")
"""What the server may be called, best first."""

# llama-server allows all origins unless told otherwise, so any web page the operator visits could talk to it.
# As a variable: older builds ignore one they do not know, but do not start with a flag they do not know.
_ENV = {"LLAMA_ARG_CORS_ORIGINS": "localhost"}

_UNFIT_FOR_ALIAS = re.compile(r"[\x00-\x1f\x7f,]+|^-+")
_LATER_PART = re.compile(r"-(?!0*1-)\d{5}-of-\d{5}\.gguf$")
_STEPS = (
    ("loading model", Progress("weights")),
    ("warming up the model", Progress("warm-up")),
    ("initializing, n_slots", Progress("slots")),
    ("initializing slots", Progress("slots")),
    ("model loaded", Progress("ready", 1.0)),
    ("listening on http", Progress("ready", 1.0)),
    ("server is listening on http", Progress("ready", 1.0)),
)
"""What a log message begins with, in current and older builds; llama-server tells no percentages."""


class LlamaCppBackend(Backend):
    """Runs GGUF models with llama.cpp's `llama-server`."""

    name: ClassVar[str] = "llamacpp"
    title: ClassVar[str] = "llama.cpp"
    docs_url: ClassVar[str] = "https://github.com/ggml-org/llama.cpp/tree/master/tools/server"
    options: ClassVar[type] = LlamaCppOptions

    def launch(self, request: LaunchRequest) -> LaunchSpec:
        """Write the command line; readiness is llama-server's `/health`, which answers 503 while it loads."""
        options: LlamaCppOptions = request.options
        assert request.port is not None, "the core gives a port to every driver with needs_port"
        argv = (
            _program(options, request.find_program),
            *("-m", _path(options.model)),
            *("--alias", _alias(request.model)),
            *("--host", request.host),
            *("--port", str(request.port)),
            *_flags(options),
            *options.extra_args,
        )
        _check_single_lines(argv)
        return LaunchSpec(argv=argv, base_url=request.base_url, env=_ENV)

    def progress(self, line: str) -> Progress | None:
        """Recognise the steps of a load by how the message, after the name of the function, begins."""
        message = line.partition(": ")[2]
        return next((progress for beginning, progress in _STEPS if message.startswith(beginning)), None)

    def usage(self, message: Mapping[str, Any]) -> Usage | None:
        """Read `usage` and llama.cpp's `timings`."""
        return read_usage(message)


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


def _flags(options: LlamaCppOptions) -> Iterator[str]:
    attribute: Attribute[Any]
    for attribute in fields(LlamaCppOptions):
        if "flag" in attribute.metadata:
            yield from _flag(attribute.metadata, getattr(options, attribute.name))


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
