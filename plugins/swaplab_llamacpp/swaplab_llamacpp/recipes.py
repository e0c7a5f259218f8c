"""Recipes of llama.cpp: the schema of spark-llama-cpp folders, presets for a router, and command lines out of them."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from swaplab_core.domain.backend import Confidence
from swaplab_core.domain.image import is_image
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.domain.recipe import CachedWeights, Recipe, RecipeReading, RecipeValue
from swaplab_core.plugin.flag_map import flags_from
from swaplab_core.plugin.recipe_document import RecipeDocument
from swaplab_core.plugin.recipe_parser import RecipeParser
from swaplab_core.plugin.recipe_schema import DEFAULTS, recipe_schema
from swaplab_core.plugin.recipe_template import BadTemplate, join_lines, placeholders, render
from swaplab_core.plugin.recipe_writer import write_recipe

RUNTIMES = frozenset({"llama-cpp", "llama-cpp-spark", "llamacpp"})
SCHEMA, PRESETS = "llamacpp", "llamacpp-presets"

_KEYS = frozenset(
    {
        "recipe_version", "recipe_ref", "name", "description", "model", "runtime", "backend", "container", "command",
        "defaults", "env", "solo_only", "cluster_only", "min_nodes", "max_nodes",
    }
)  # fmt: skip
_PART = re.compile(r"-(\d{5})-of-(\d{5})(\.gguf)$")
_REPOSITORY = re.compile(r"models--([^/:]+?)--([^/:]+)")

FLAGS: Mapping[str, str] = {
    "ctx_size": "--ctx-size",
    "max_model_len": "--ctx-size",
    "n_gpu_layers": "--n-gpu-layers",
    "parallel": "--parallel",
    "max_num_seqs": "--parallel",
    "threads": "--threads",
    "temp": "--temp",
    "top_p": "--top-p",
    "top_k": "--top-k",
    "min_p": "--min-p",
    "chat_template": "--chat-template",
    "reasoning_format": "--reasoning-format",
    "max_num_batched_tokens": "--batch-size",
    "kv_cache_dtype": "--cache-type-k",
    "cont_batching": "--cont-batching",
}
"""Defaults of a recipe by the flag of llama-server each becomes."""
_PLACE = {key: DEFAULTS[key] for key in ("port", "host")}

TEMPLATE = """\
name: New recipe
model: organisation/model-GGUF:Q4_K_M
runtime: llama-cpp
container: llama-cpp-spark:last
defaults:
  port: 8000
  host: 0.0.0.0
  n_gpu_layers: 99
  ctx_size: 16384
"""
PRESETS_TEMPLATE = """\
version = 1

[*]
n-gpu-layers = 99
jinja = true

[organisation/model-GGUF:Q4_K_M]
ctx-size = 16384
"""


class LlamaCppRecipeParser(RecipeParser):
    """Reads recipes of a spark-llama-cpp folder; their `command` is a note, the runner writes its own."""

    name: ClassVar[str] = SCHEMA
    title: ClassVar[str] = "llama.cpp recipe (spark-llama-cpp)"

    def recognise(self, text: str, path: PurePosixPath) -> Confidence:  # noqa: ARG002 - the text says enough
        """Go by the runtime, then by the key that only GGUF recipes have."""
        document = RecipeDocument.read(text)
        if document.text("recipe_version") == "2" or document.has("sparkrun_version"):
            return Confidence.NO
        if document.text("runtime") in RUNTIMES:
            return Confidence.CERTAIN
        return Confidence.CONTENT if document.has("gguf_file") else Confidence.NO

    def parse(self, text: str, path: PurePosixPath) -> RecipeReading:
        """Read it; a hint at a later part of a split model is mended."""
        document = RecipeDocument.read(text, path.name)
        if document.is_broken and not document.root:
            return RecipeReading(None, tuple(document.problems))
        model = document.required("model")
        recipe = Recipe(
            format=self.name,
            name=document.text("name") or model or path.stem,
            description=document.text("description"),
            model=_repository(model),
            runtime=document.text("runtime"),
            backend=document.text("backend"),
            ref=document.text("recipe_ref"),
            container=document.text("container"),
            command=document.text("command"),
            placeholders=_names(document),
            defaults=document.values("defaults"),
            env=document.exports("env"),
            solo_only=document.flag("solo_only"),
            cluster_only=document.flag("cluster_only"),
            min_nodes=document.count("min_nodes"),
            max_nodes=document.count("max_nodes"),
            extra=_with_first_part(document),
        )
        _check(document, recipe)
        return RecipeReading(None if document.is_broken else recipe, tuple(document.problems))

    def render(self, recipe: Recipe) -> str:
        """Write the keys that say something."""
        return write_recipe(recipe, version="")

    def template(self) -> str:
        """Return a small recipe."""
        return TEMPLATE

    def schema(self) -> Mapping[str, Any]:
        """Return the keys of the folder's recipes, and the defaults that become flags of llama-server."""
        flags = {key: {"description": f"llama-server {flag}"} for key, flag in FLAGS.items()}
        file = {"gguf_file": {"type": "string", "description": "the file of the model, its first part"}}
        return recipe_schema(*sorted(_KEYS - {"defaults"}), more=file, defaults={**_PLACE, **flags})


class PresetsParser(RecipeParser):
    """Reads presets of llama-server's router: one file, many models, loaded and dropped by the router itself."""

    name: ClassVar[str] = PRESETS
    title: ClassVar[str] = "llama.cpp presets (router)"
    suffixes: ClassVar[tuple[str, ...]] = (".ini",)

    def recognise(self, text: str, path: PurePosixPath) -> Confidence:  # noqa: ARG002 - its suffix says it all
        """Take every file of this suffix that has a section."""
        return Confidence.CERTAIN if re.search(r"^\s*\[[^\]]+\]", text, re.MULTILINE) else Confidence.GUESS

    def parse(self, text: str, path: PurePosixPath) -> RecipeReading:
        """Read the sections; each but `*` is a model, and a name of its own must say where the model is."""
        sections, problems = _sections(text, path.name)
        if sections is None:
            return RecipeReading(None, problems)
        models = [section for section in sections if section != "*"]
        found = [*problems, *_preset_problems(sections, models, path.name)]
        recipe = Recipe(
            format=self.name,
            name=path.stem,
            description=f"a router with {len(models)} models: {', '.join(models[:5])}",
            runtime="llama-cpp",
            solo_only=True,
            serves=tuple(models),
            extra={"sections": sections},
        )
        has_errors = any(problem.severity is Severity.ERROR for problem in found)
        return RecipeReading(None if has_errors else recipe, tuple(found))

    def render(self, recipe: Recipe) -> str:
        """Write the sections."""
        sections: Mapping[str, Mapping[str, str]] = recipe.extra.get("sections", {})
        blocks = ["version = 1\n"]
        for name, keys in sections.items():
            lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
            blocks.append(f"[{name}]\n{lines}")
        return "\n".join(blocks)

    def template(self) -> str:
        """Return a file with one model."""
        return PRESETS_TEMPLATE


LONGEST_CONTEXT = 16_384


def recipe_for(weights: CachedWeights, image: str) -> Recipe:
    """Write a recipe for cached weights: with an image for a folder's runner, else for the server of this machine."""
    defaults: dict[str, RecipeValue] = {
        "port": 8000,
        "host": "0.0.0.0",  # noqa: S104 - inside the container; without one the core's own address is used
        "n_gpu_layers": 99,
        "ctx_size": min(LONGEST_CONTEXT, weights.context or LONGEST_CONTEXT),
    }
    extra = {"gguf_file": weights.file if image else weights.path}
    return Recipe(
        SCHEMA,
        weights.model,
        model=weights.model,
        runtime="llama-cpp",
        container=image,
        defaults=defaults,
        extra=extra if extra["gguf_file"] else {},
    )


def gguf_file(recipe: Recipe) -> str:
    """Return the file that the recipe hints at, "" for none."""
    return str(recipe.extra.get("gguf_file") or "")


def server_arguments(recipe: Recipe, host: str, port: int, alias: str) -> tuple[str, ...]:
    """Return llama-server's arguments for a recipe that no runner launches. Raises BadTemplate."""
    place = ("--host", host, "--port", str(port))
    if recipe.command and recipe.format not in {SCHEMA, PRESETS}:
        values = {"model": recipe.model, **recipe.defaults, "host": host, "port": port}
        words = shlex.split(join_lines(render(recipe.command, values, keep_unknown=True)))
        return tuple(words[1:])
    file = gguf_file(recipe)
    source = ("-m", file) if file.startswith("/") else ("-hf", recipe.model)
    return (*source, "--alias", alias, *place, *flags_from(_known(recipe.defaults), FLAGS), "--jinja", "--metrics")


def _known(defaults: Mapping[str, RecipeValue]) -> dict[str, RecipeValue]:
    """Drop a generic key where llama.cpp's own one is there, too: both would become the same flag."""
    twins = {"max_model_len": "ctx_size", "max_num_seqs": "parallel"}
    return {key: value for key, value in defaults.items() if twins.get(key) not in defaults}


def _names(document: RecipeDocument) -> tuple[str, ...]:
    try:
        return placeholders(document.text("command"))
    except BadTemplate as error:
        document.warn("command", error.message, "the runner does not use it")
        return ()


def _repository(model: str) -> str:
    """Read the form of a cache folder, `models--org--name`, as the repository it stands for."""
    match = _REPOSITORY.match(model)
    return f"{match[1]}/{match[2]}{model[match.end() :]}" if match else model


def _with_first_part(document: RecipeDocument) -> dict[str, Any]:
    extra = document.rest(_KEYS)
    file = str(extra.get("gguf_file") or "")
    part = _PART.search(file)
    if part and part[1] != "00001":
        extra["gguf_file"] = f"{file[: part.start()]}-00001-of-{part[2]}{part[3]}"
        document.warn(
            "gguf_file", f"part {part[1]} is not where the model begins", "name part 00001; it is used anyway"
        )
    return extra


def _check(document: RecipeDocument, recipe: Recipe) -> None:
    if recipe.runtime and recipe.runtime not in RUNTIMES:
        document.error(
            "runtime", f"{recipe.runtime!r} is not llama.cpp", f"write one of: {', '.join(sorted(RUNTIMES))}"
        )
    if recipe.solo_only and recipe.cluster_only:
        document.error("cluster_only", "solo_only and cluster_only together can never run", "remove one of them")
    if recipe.container and not is_image(recipe.container):
        document.error("container", f"{recipe.container!r} is no image reference", "write [registry/]name[:tag]")
    if re.search(r"mmproj", gguf_file(recipe), re.IGNORECASE):
        document.error("gguf_file", "this is a projector, not a model", "name the model's own file")


class _Ini(configparser.RawConfigParser):
    """Keys keep their case: `LLAMA_ARG_…` are variables."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def _sections(text: str, file: str) -> tuple[dict[str, dict[str, str]] | None, tuple[Problem, ...]]:
    parser = _Ini(
        delimiters=("=",),
        comment_prefixes=("#", ";"),
        inline_comment_prefixes=(" ;", "\t;"),
        default_section="\0",
        interpolation=None,
        empty_lines_in_values=False,
    )
    try:
        parser.read_string(f"[\0top]\n{text}")
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or (
            error.errors[0][0] if isinstance(error, configparser.ParsingError) else 1
        )
        problem = Problem(_first_line(error), "write [section] and key = value lines", line=max(line - 1, 1), file=file)
        return None, (problem,)
    sections = {name: dict(parser.items(name)) for name in parser.sections() if name != "\0top"}
    return sections, ()


def _first_line(error: Exception) -> str:
    return str(error).replace("\0top", "").split("\n")[0][:200]


def _preset_problems(sections: Mapping[str, Mapping[str, str]], models: list[str], file: str) -> Iterator[Problem]:
    if not models:
        yield Problem("no section names a model", "add [organisation/model:QUANT]", file=file)
    for model in models:
        sources = {"model", "m", "hf-repo", "hf", "model-url", "LLAMA_ARG_MODEL", "LLAMA_ARG_HF_REPO"}
        if "/" not in model and not sources & sections[model].keys():
            yield Problem(
                f"[{model}] does not say where its model is", "add model = /path/to/file.gguf", model, file=file
            )
