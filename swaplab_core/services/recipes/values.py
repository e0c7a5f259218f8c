"""The plain values of a recipe as a form: what can be changed without knowing YAML. The text keeps all its other lines.

Only what stands in the file, or what every recipe may say, is a field; lists, variables and the command are for the
editor of the text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from attrs import define

from swaplab_core.config.edit import document, rewrite
from swaplab_core.domain.errors import Conflict, InvalidForm
from swaplab_core.services.recipes.catalogue import Entry
from swaplab_core.services.recipes.files import Recipes

Json = dict[str, Any]
Scalar = str | int | float | bool

ALWAYS = ("name", "description", "model", "container", "solo_only", "cluster_only")
_PLAIN = {"string", "boolean", "integer", "number"}


@define(eq=False)
class RecipeValues:
    """Reads a recipe as values, and writes values back line by line."""

    recipes: Recipes

    async def schema(self, reference: str) -> Json:
        """The form of a recipe."""
        entry = await self.recipes.get(reference)
        values = _document(entry)
        known = self.recipes.world.parsers[entry.format].schema()
        return form_of(values, known)

    async def read(self, reference: str) -> tuple[Json, str]:
        """The values and the revision that they are of."""
        entry = await self.recipes.get(reference)
        return values_of(_document(entry)), entry.file.revision

    async def write(self, reference: str, values: Mapping[str, Any], revision: str | None) -> Entry:
        """Change the values that are given. Raises InvalidForm, and what `Recipes.save` raises."""
        entry = await self.recipes.get(reference)
        text = entry.file.text or ""
        changed = changed_by(_document(entry), values)
        edited = await asyncio.to_thread(rewrite, text, changed, entry.file.path.name)
        _, reading = await self.recipes.check(edited, entry.id.path, str(entry.id))
        if reading.recipe is not None:
            refuse_misreadings(changed.get("defaults") or {}, reading.recipe.defaults)
        return await self.recipes.save(reference, edited, revision)


def values_of(read: Mapping[str, Any]) -> Json:
    """Return the plain values of a document."""
    defaults = read.get("defaults")
    below = {key: value for key, value in defaults.items() if _is_plain(value)} if isinstance(defaults, Mapping) else {}
    return {**{key: read[key] for key in ALWAYS if _is_plain(read.get(key))}, "defaults": below}


def form_of(read: Mapping[str, Any], known: Mapping[str, Any]) -> Json:
    """Return the schema of a form for a document."""
    values, keys = values_of(read), known.get("properties") or {}
    below = (keys.get("defaults") or {}).get("properties") or {}
    top = {key: _field(key, values.get(key), keys[key]) for key in ALWAYS if key in keys}
    defaults = {key: _field(key, value, below.get(key) or {}) for key, value in values["defaults"].items()}
    inner = {"type": "object", "title": "Defaults", "properties": defaults, "additionalProperties": False}
    return {"type": "object", "properties": {**top, "defaults": inner}, "additionalProperties": False}


def changed_by(read: Mapping[str, Any], values: Mapping[str, Any]) -> Json:
    """Return the document with these values in it. Raises InvalidForm for what is no field of the form."""
    wrong = [(f"/{key}", "there is no such field") for key in values if key not in {*ALWAYS, "defaults"}]
    below = values.get("defaults") or {}
    if not isinstance(below, Mapping):
        raise InvalidForm([("/defaults", "must be an object")])
    top = {key: value for key, value in values.items() if key in ALWAYS}
    wrong += [(f"/{key}", "must be one plain value") for key, value in top.items() if not _is_plain(value)]
    wrong += [(f"/defaults/{key}", "must be one plain value") for key, value in below.items() if not _is_plain(value)]
    if wrong:
        raise InvalidForm(wrong)
    kept = {key: value for key, value in top.items() if key in read or value not in ("", False)}
    defaults = {**(read.get("defaults") or {}), **below}
    return {**read, **kept, **({"defaults": defaults} if defaults else {})}


def refuse_misreadings(wanted: Mapping[str, Any], read: Mapping[str, Any]) -> None:
    """Refuse what the runner's YAML would read as something else: `yes` is true there."""
    wrong = [
        (f"/defaults/{key}", f"the runner would read {read[key]!r}: write it in quotes, in the text")
        for key, value in wanted.items()
        if isinstance(value, str) and key in read and not isinstance(read[key], str)
    ]
    if wrong:
        raise InvalidForm(wrong)


def _document(entry: Entry) -> Json:
    if entry.file.text is None or entry.file.path.suffix.lower() == ".ini" or not entry.format:
        raise Conflict(f"{entry.id} has no values to fill in", advice="edit its text")
    return document(entry.file.text, entry.file.path.name)


def _is_plain(value: object) -> bool:
    return isinstance(value, Scalar) and "\n" not in str(value)


def _field(key: str, value: Scalar | None, known: Mapping[str, Any]) -> Json:
    types = {bool: "boolean", int: "integer", float: "number"}
    fallback = known.get("type") if known.get("type") in _PLAIN else "string"
    kind = fallback if value is None else types.get(type(value), "string")
    kind = "number" if kind == "integer" and known.get("type") == "number" else kind
    empty = {"string": "", "boolean": False}.get(str(kind))
    field: Json = {"type": kind, "title": key, "description": known.get("description", "")}
    return field if empty is None else {**field, "default": empty}
