"""Recipe schema 1, as spark-vllm-docker and its kin write it: a container, a command template and its defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from swaplab_core.domain.backend import Confidence
from swaplab_core.domain.image import is_image
from swaplab_core.domain.recipe import Recipe, RecipeReading
from swaplab_core.plugin.recipe_document import RecipeDocument
from swaplab_core.plugin.recipe_parser import RecipeParser
from swaplab_core.plugin.recipe_schema import recipe_schema
from swaplab_core.plugin.recipe_template import BadTemplate, placeholders, unknown_name
from swaplab_core.plugin.recipe_writer import write_recipe

KEYS = frozenset(
    {
        "recipe_version", "name", "description", "model", "container", "command", "defaults", "env", "mods",
        "build_args", "solo_only", "cluster_only", "recipe_ref", "runtime", "backend", "min_nodes", "max_nodes",
    }
)  # fmt: skip
OVERRIDES = ("port", "host", "tensor_parallel", "gpu_memory_utilization", "max_model_len")
"""The defaults that a runner's flags can replace; the others are reachable only as arguments of the engine."""

_EXPANDS = re.compile(r'\$\(|`|"')

TEMPLATE = """\
recipe_version: "1"
name: New recipe
description: ""
model: organisation/model
container: vllm-node
solo_only: false
cluster_only: false
defaults:
  port: 8000
  host: 0.0.0.0
  tensor_parallel: 1
  gpu_memory_utilization: 0.7
  max_model_len: 32768
command: |
  vllm serve organisation/model \\
      --host {host} --port {port} \\
      -tp {tensor_parallel} \\
      --gpu-memory-utilization {gpu_memory_utilization} \\
      --max-model-len {max_model_len}
"""


class Schema1Parser(RecipeParser):
    """Reads `recipe_version: "1"`; what its runner would ignore silently is kept in `extra`."""

    name: ClassVar[str] = "schema1"
    title: ClassVar[str] = "Recipe schema 1 (spark-vllm-docker)"

    def recognise(self, text: str, path: PurePosixPath) -> Confidence:  # noqa: ARG002 - the text says enough
        """Look at the version, then at the two keys that no other format requires."""
        document = RecipeDocument.read(text)
        version = document.text("recipe_version")
        if version == "1":
            return Confidence.CONTENT
        if version == "2":
            return Confidence.NO
        return Confidence.NAME if document.has("command") and document.has("container") else Confidence.GUESS

    def parse(self, text: str, path: PurePosixPath) -> RecipeReading:
        """Read it strictly: a recipe that its runner would refuse, or misread, has an error."""
        document = RecipeDocument.read(text, path.name)
        if document.is_broken and not document.root:
            return RecipeReading(None, tuple(document.problems))
        version = document.required("recipe_version")
        if version not in {"", "1"}:
            document.warn("recipe_version", f"schema {version!r} is newer than what is known here", "1 is known")
        names = read_template(document, document.required("command"))
        recipe = Recipe(
            format=self.name,
            name=document.required("name"),
            container=document.required("container"),
            placeholders=names,
            **common_fields(document),
            extra=document.rest(KEYS),
        )
        check(document, recipe)
        return RecipeReading(None if document.is_broken else recipe, tuple(document.problems))

    def render(self, recipe: Recipe) -> str:
        """Write the keys that say something, in the order of the template."""
        return write_recipe(recipe, version="1")

    def template(self) -> str:
        """Return a small vLLM recipe."""
        return TEMPLATE

    def schema(self) -> Mapping[str, Any]:
        """Return the keys of schema 1."""
        return recipe_schema(*sorted(KEYS - {"defaults"}))


def common_fields(document: RecipeDocument) -> dict[str, Any]:
    """Read the keys that schema 1 shares with its relatives, except name, container and command's placeholders."""
    return {
        "description": document.text("description"),
        "model": document.text("model"),
        "runtime": document.text("runtime"),
        "backend": document.text("backend"),
        "ref": document.text("recipe_ref"),
        "command": document.text("command"),
        "defaults": document.values("defaults"),
        "env": document.exports("env"),
        "mods": document.words("mods"),
        "build_args": document.words("build_args"),
        "solo_only": document.flag("solo_only"),
        "cluster_only": document.flag("cluster_only"),
        "min_nodes": document.count("min_nodes"),
        "max_nodes": document.count("max_nodes"),
    }


def read_template(document: RecipeDocument, command: str) -> tuple[str, ...]:
    """Return the names in a command; what is wrong with it becomes a problem."""
    try:
        return placeholders(command)
    except BadTemplate as error:
        document.error("command", error.message, error.advice)
        return ()


def check(document: RecipeDocument, recipe: Recipe) -> None:
    """Apply the rules over several keys."""
    for name in recipe.placeholders:
        if name not in recipe.defaults:
            mistake = unknown_name(name, recipe.defaults)
            document.error("command", mistake.message, mistake.advice)
    check_common(document, recipe)
    for name in unused_defaults(recipe):
        document.warn(f"defaults.{name}", f"the command does not use `{name}`", "remove it, or write it into command")


def check_common(document: RecipeDocument, recipe: Recipe) -> None:
    """Apply the rules that hold in every format."""
    if recipe.solo_only and recipe.cluster_only:
        document.error("cluster_only", "solo_only and cluster_only together can never run", "remove one of them")
    if recipe.container and not is_image(recipe.container):
        document.error("container", f"{recipe.container!r} is no image reference", "write [registry/]name[:tag]")
    if recipe.command.rstrip("\n").endswith("\\"):
        document.warn("command", "the command ends with a backslash", "remove it")
    for name, value in recipe.env.items():
        if _EXPANDS.search(value):
            document.warn(f"env.{name}", f"{name} expands inside the container", "write it without $( ), ` and quotes")


def unused_defaults(recipe: Recipe) -> tuple[str, ...]:
    """Return the overridable defaults that the command has no place for: an override has no effect."""
    return tuple(name for name in recipe.defaults if name in OVERRIDES and name not in recipe.placeholders)
