"""Recipe schema 2, as sparkrun writes it: for every runtime, the command may be left to the runtime's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from swaplab_core.builtin.recipe_schema1 import KEYS, check_common, common_fields, read_template
from swaplab_core.domain.backend import Confidence
from swaplab_core.domain.recipe import Recipe, RecipeReading
from swaplab_core.plugin.recipe_document import RecipeDocument
from swaplab_core.plugin.recipe_parser import RecipeParser
from swaplab_core.plugin.recipe_schema import Schema, recipe_schema
from swaplab_core.plugin.recipe_writer import write_recipe

INJECTED = ("model", "base_url", "host", "port")
"""Names that have a value although `defaults` do not give one."""

TEMPLATE = """\
recipe_version: "2"
name: New recipe
model: organisation/model
runtime: sglang
container: lmsysorg/sglang:latest
min_nodes: 1
max_nodes: 1
defaults:
  port: 30000
  host: 0.0.0.0
  tensor_parallel: 1
  gpu_memory_utilization: 0.8
  max_model_len: 32768
"""

_TEXTS = {"type": "array", "items": {"type": "string"}}
_MORE: Mapping[str, Schema] = {
    "sparkrun_version": {"type": "string", "description": "the sparkrun that is needed"},
    "runtime_version": {"type": "string", "description": "the version of the engine"},
    "mode": {"enum": ["auto", "solo", "cluster"], "description": "how it is spread"},
    "metadata": {"type": "object", "description": "what is known of the model", "additionalProperties": {}},
    "pre_exec": {**_TEXTS, "description": "commands inside the container before the engine"},
    "post_exec": {**_TEXTS, "description": "commands inside the container once the engine is ready"},
    "post_commands": {**_TEXTS, "description": "commands on this machine once the engine is ready"},
    "stop_after_post": {"type": "boolean", "description": "end once the post commands have run"},
    "executor_config": {
        "type": "object",
        "description": "the container",
        "properties": {
            "auto_remove": {"type": "boolean"}, "restart_policy": {"type": "string"}, "privileged": {"type": "boolean"},
            "gpus": {"type": "string"}, "ipc": {"type": "string"}, "shm_size": {"type": "string"},
            "network": {"type": "string"}, "entrypoint": {"type": "string"}, "user": {"type": "string"},
            "memory_limit": {"type": "string"}, "cap_add": _TEXTS, "devices": _TEXTS, "ulimit": _TEXTS,
        },
    },
    "benchmark": {"type": "object", "description": "how it is measured", "additionalProperties": {}},
}  # fmt: skip


class Schema2Parser(RecipeParser):
    """Reads `recipe_version: "2"`; unknown keys are kept, unresolved placeholders are text."""

    name: ClassVar[str] = "schema2"
    title: ClassVar[str] = "Recipe schema 2 (sparkrun)"

    def recognise(self, text: str, path: PurePosixPath) -> Confidence:  # noqa: ARG002 - the text says enough
        """Go by the version, or by the key that says which sparkrun is needed."""
        document = RecipeDocument.read(text)
        if document.text("recipe_version") == "2" or document.has("sparkrun_version"):
            return Confidence.CERTAIN
        return Confidence.NO

    def parse(self, text: str, path: PurePosixPath) -> RecipeReading:
        """Read it; a recipe without a name is called like its model."""
        document = RecipeDocument.read(text, path.name)
        if document.is_broken and not document.root:
            return RecipeReading(None, tuple(document.problems))
        names = read_template(document, document.text("command"))
        model = document.required("model")
        recipe = Recipe(
            format=self.name,
            name=document.text("name") or model or path.stem,
            revision=document.text("model_revision"),
            container=document.text("container"),
            placeholders=names,
            **common_fields(document),
            extra=document.rest(KEYS | {"model_revision"}),
        )
        _check(document, recipe)
        return RecipeReading(None if document.is_broken else recipe, tuple(document.problems))

    def render(self, recipe: Recipe) -> str:
        """Write the keys that say something."""
        return write_recipe(recipe, version="2")

    def template(self) -> str:
        """Return a small SGLang recipe, its command left to the runtime."""
        return TEMPLATE

    def schema(self) -> Mapping[str, Any]:
        """Return the keys of schema 2, the runtime's own not among them."""
        return recipe_schema(*sorted((KEYS | {"model_revision"}) - {"defaults"}), more=_MORE)


def _check(document: RecipeDocument, recipe: Recipe) -> None:
    check_common(document, recipe)
    if not recipe.command and not recipe.runtime:
        document.error("runtime", "neither `runtime` nor `command` says what to run", "add `runtime:`, such as sglang")
    if recipe.max_nodes and recipe.min_nodes > recipe.max_nodes:
        document.error("max_nodes", "max_nodes is smaller than min_nodes", "make it at least as large")
    for name in recipe.placeholders:
        if name not in recipe.defaults and name not in INJECTED:
            document.warn("command", f"{{{name}}} has no value and stays as text", f"add `{name}:` to defaults")
    executor = recipe.extra.get("executor_config")
    if isinstance(executor, dict) and executor.get("restart_policy") and executor.get("auto_remove"):
        document.error("executor_config", "restart_policy excludes auto_remove", "remove one of them")
