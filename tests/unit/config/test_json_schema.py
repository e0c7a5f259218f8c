"""The schema for editors agrees with the loader."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from swaplab_core.config.document import to_python
from swaplab_core.config.json_schema import json_schema
from swaplab_core.config.text import parse

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "fixtures" / "configs"
FILES = [HERE / "every_key.yaml", HERE.parents[2] / "config.example.yaml", *sorted(FIXTURES.glob("*.yaml"))]

_TYPES = {"object": dict, "array": list, "string": str, "null": type(None)}


def _is_type(value, name):
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, bool) if name == "boolean" else isinstance(value, _TYPES[name])


def fits(schema, value):
    """A small validator of the words that the schema uses."""
    names = schema.get("type", [])
    if names and not any(_is_type(value, name) for name in ([names] if isinstance(names, str) else names)):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    if "minimum" in schema and value < schema["minimum"]:
        return False
    if isinstance(value, list) and not all(fits(schema.get("items", {}), item) for item in value):
        return False
    if "anyOf" in schema and not any(fits(choice, value) for choice in schema["anyOf"]):
        return False
    return not isinstance(value, dict) or _object_fits(schema, value)


def _object_fits(schema, value):
    parts = [part["then"] for part in schema.get("allOf", ()) if fits(part["if"], value)]
    known = {key: child for part in (schema, *parts) for key, child in part.get("properties", {}).items()}
    if any(key not in value for part in (schema, *parts) for key in part.get("required", ())):
        return False
    for key, child in value.items():
        patterns = [found for pattern, found in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
        rest = schema.get("additionalProperties", schema.get("unevaluatedProperties", {}))
        found = known.get(key, patterns[0] if patterns else rest)
        if found is False or (found is not True and not fits(found, child)):
            return False
    return True


@pytest.fixture(scope="module")
def schema(backends):
    return json.loads(json.dumps(json_schema(backends)))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_good_files_fit(schema, path):
    value = to_python(parse(path.read_text(encoding="utf-8"), path.name).root)
    holders = {"x-defaults", "filters"} if path.stem == "anchors" else set()
    assert fits(schema, {key: child for key, child in value.items() if key not in holders})


@pytest.mark.parametrize(
    "value",
    [
        {"globalTTL": "soon"},
        {"globalTTL": -1},
        {"unknownKey": 1},
        {"logToStdout": "all"},
        {"models": {"m": {}}},
        {"models": {"m": {"cmd": "x", "ttll": 1}}},
        {"models": {"m": {"cmd": "x", "model": "typed has this key, command has not"}}},
        {"models": {"m": {"backend": "typed"}}},
        {"models": {"m": {"backend": "typed", "model": "x", "cmd": "y"}}},
        {"models": {"m": {"backend": "typed", "model": "x", "parallel": 0}}},
        {"models": {"m": {"backend": "typed", "model": "x", "mode": "slow"}}},
        {"models": {"m": {"backend": "nobody", "cmd": "x"}}},
        {"models": {"m": {"cmd": "x", "env": ["A"]}}},
        {"models": {"m": {"cmd": "x", "capabilities": {"in": ["smell"]}}}},
        {"peers": {"p": {"models": ["m"]}}},
        {"selectors": {"s": {"strategy": "luck", "targets": ["m"]}}},
        {"routing": {"router": {"use": "magic"}}},
    ],
    ids=str,
)
def test_bad_values_do_not_fit(schema, value):
    assert not fits(schema, value)


@pytest.mark.parametrize(
    "value",
    [
        {"globalTTL": "${minutes}"},
        {"x-note": 1},
        {"models": None},
        {"models": {"m": {"cmd": "x", "x-why": 1, "ttl": "${t}"}}},
        {"models": {"m": {"backend": "typed", "model": "x", "layers": "all", "contextSize": "${n}"}}},
        {"models": {"m": {"backend": "command", "cmd": "x", "filters": {"strip_params": "a"}}}},
        {"groups": {"g": {"members": ["m"]}}},
        {"profiles": {"p": {"pins": {"a": None}}}},
    ],
    ids=str,
)
def test_good_values_fit(schema, value):
    assert fits(schema, value)


def test_every_key_has_its_help_and_the_dialect_is_named(schema):
    assert schema["$schema"].endswith("2020-12/schema")
    model = schema["properties"]["models"]["additionalProperties"]
    for properties in (schema["properties"], model["properties"]):
        assert all(child.get("description") for child in properties.values())
    assert model["properties"]["ttl"]["default"] == -1
    assert schema["properties"]["groups"]["deprecated"] is True
