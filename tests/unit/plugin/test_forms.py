"""Forms: attrs classes as JSON Schema, and what comes back as instances of them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

import pytest
from attrs import Factory, frozen
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from swaplab_core.plugin import FieldProblem, Options, form_field, form_schema, read_form
from swaplab_core.testing.contracts.plugin import form_values


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@frozen
class Inner:
    size: int = form_field("Size", 1, minimum=1)
    note: str = form_field("Note", "")


@frozen
class Form:
    name: str = form_field("Name", help="what it is called", pattern=r"[a-z]+", placeholder="qwen")
    tensor_parallel: int = form_field("Parallel", 2, minimum=1, maximum=8, cli="--tensor-parallel-size", group="Size")
    timeout_seconds: float = form_field("Time limit", 60.0, unit="s")
    fast: bool | None = form_field("Fast", None)
    colour: Colour = form_field("Colour", Colour.RED)
    mode: Literal["solo", "cluster"] = form_field("Mode", "solo")
    kind: str = form_field("Kind", "a", choices=("a", "b"))
    sizes: tuple[int, ...] = form_field("Sizes", (), widget="int-list")
    tags: tuple[str, ...] = form_field("Tags", ("x",), choices=("x", "y"))
    folder: PurePosixPath = form_field("Folder", PurePosixPath("/srv"))
    env: Mapping[str, str] = form_field("Environment", Factory(dict))
    inner: Inner = form_field("Inner", Inner())
    model: str = form_field("Model", "", options=Options("api/models", value="id", depends_on=("/mode",), free=True))
    token: str = form_field("Token", "", secret=True)
    text: str = form_field("Text", "", widget="textarea", advanced=True, show_if={"/mode": "cluster"}, persist=True)


SCHEMA = form_schema(Form)
PARTS = SCHEMA["properties"]


def test_keys_are_camel_case_without_units():
    assert {"tensorParallel", "timeout", "name"} <= set(PARTS)
    assert SCHEMA["required"] == ["name"]
    assert SCHEMA["additionalProperties"] is False


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("fast", {"type": ["boolean", "null"], "title": "Fast", "default": None}),
        ("colour", {"enum": ["red", "blue"], "title": "Colour", "default": "red"}),
        ("mode", {"enum": ["solo", "cluster"], "title": "Mode", "default": "solo"}),
        ("kind", {"type": "string", "enum": ["a", "b"], "title": "Kind", "default": "a"}),
        ("tags", {"type": "array", "items": {"enum": ["x", "y"]}, "title": "Tags", "default": ["x"]}),
        ("folder", {"type": "string", "title": "Folder", "x-widget": "path", "default": "/srv"}),
        (
            "env",
            {"type": "object", "additionalProperties": {"type": "string"}, "title": "Environment", "default": {}},
        ),
        ("token", {"type": "string", "title": "Token", "x-widget": "secret", "writeOnly": True, "default": ""}),
        (
            "model",
            {
                "type": "string",
                "title": "Model",
                "x-options": {"url": "api/models", "value": "id", "depends_on": ["/mode"]},
                "x-free": True,
                "default": "",
            },
        ),
        (
            "tensorParallel",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": 8,
                "title": "Parallel",
                "x-group": "Size",
                "x-cli": "--tensor-parallel-size",
                "default": 2,
            },
        ),
        (
            "text",
            {
                "type": "string",
                "title": "Text",
                "x-widget": "textarea",
                "x-advanced": True,
                "x-show-if": {"/mode": "cluster"},
                "x-persist": True,
                "default": "",
            },
        ),
    ],
)
def test_a_field_becomes_schema_and_hints(key, part):
    assert PARTS[key] == part


def test_a_class_inside_becomes_an_object():
    assert PARTS["inner"]["properties"]["size"]["minimum"] == 1
    assert PARTS["inner"]["default"] == {"size": 1, "note": ""}


def test_what_comes_back_becomes_an_instance():
    form, problems = read_form(
        Form, {"name": "qwen", "sizes": [1, 2], "inner": {"size": 3}, "colour": "blue", "fast": True}
    )
    assert problems == ()
    assert form == Form("qwen", sizes=(1, 2), inner=Inner(3), colour=Colour.BLUE, fast=True)


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ({}, "/name", "must be filled in"),
        ({"name": None}, "/name", "must be filled in"),
        ({"name": "QWEN"}, "/name", "does not look right: 'QWEN' (it must match [a-z]+)"),
        ({"name": "a", "tensorParallel": 9}, "/tensorParallel", "must be at most 8, not 9"),
        (
            {"name": "a", "tensor_parallel": 2},
            "/tensor_parallel",
            "there is no such field (did you mean 'tensorParallel'?)",
        ),
        ({"name": "a", "sizes": [1, "x"]}, "/sizes/1", "must be a whole number, not the text 'x'"),
        ({"name": "a", "inner": {"size": 0}}, "/inner/size", "must be at least 1, not 0"),
        ({"name": "a", "colour": "green"}, "/colour", "'green' is none of: red, blue"),
        ({"name": "a", "model": "a\nb"}, "/model", "must be one line, without control characters"),
        ({"name": "a", "env": {"a/b": "x\ry"}}, "/env/a~1b", "must be one line, without control characters"),
        ({"name": "a", "fast": "maybe"}, "/fast", None),
        ([], "", "must be a mapping of keys, not a list (write `key: value` lines)"),
    ],
)
def test_what_is_wrong_is_told_by_pointer(data, path, message):
    form, problems = read_form(Form, data)
    assert form is None
    assert [problem.path for problem in problems] == [path]
    if message is not None:
        assert problems == (FieldProblem(path, message),)


def test_several_wrong_fields_are_told_at_once():
    _, problems = read_form(Form, {"tensorParallel": 0, "kind": "c"})
    assert {problem.path for problem in problems} == {"/name", "/tensorParallel", "/kind"}


def test_a_text_field_with_room_takes_several_lines():
    form, problems = read_form(Form, {"name": "a", "text": "one\ntwo"})
    assert problems == ()
    assert form is not None
    assert form.text == "one\ntwo"


@given(form_values(Form))
def test_what_the_schema_allows_is_taken_and_the_other_way_round(data):
    """But for what a schema cannot say: that a line is one line."""
    valid = not list(Draft202012Validator(SCHEMA).iter_errors(data))
    form, problems = read_form(Form, data)
    assert valid == (form is not None), problems


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_json_is_taken_or_refused(data):
    form, problems = read_form(Form, data)
    assert (form is None) == bool(problems)
