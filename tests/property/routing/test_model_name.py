"""Telling the engine another model name replaces the values of top-level `model` keys, and no other byte of the body.

The JSON is written here by hand, in all the ways that the grammar allows: any white space, any escapes, equal keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import orjson
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from swaplab_core.routing.filters import BodyFilter

MODEL = "model"
SPACE = st.text(" \t\r\n", max_size=2)
NAMES = st.sampled_from([MODEL, "Model", "models", "", 'mo"del', "model\\", '"model":']) | st.text(max_size=4)
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@frozen
class Body:
    """A body cut at the values of its top-level `model` keys: what is between them, in order."""

    parts: tuple[str, ...]
    values: tuple[str, ...]

    def with_values(self, write: Callable[[str], str]) -> bytes:
        between = [part + write(value) for part, value in zip(self.parts, self.values, strict=False)]
        return "".join([*between, self.parts[-1]]).encode()


@st.composite
def strings(draw: st.DrawFn, text: str) -> str:
    """Write a text as JSON, each character as it is where that is allowed, or escaped."""

    def write(character: str) -> str:
        units = character.encode("utf-16-be")
        escaped = "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
        must_escape = character in '"\\' or character < " "
        return draw(st.sampled_from([escaped, json.dumps(character)[1:-1] if must_escape else character]))

    return '"' + "".join(map(write, text)) + '"'


def lists(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda items, space: f"[{space}{','.join(items)}{space}]", st.lists(inner, max_size=3), SPACE)


def objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.builds(lambda key, gap, value: f"{key}{gap}:{gap}{value}", NAMES.flatmap(strings), SPACE, inner)
    return st.builds(
        lambda members, space: f"{{{space}{','.join(members)}{space}}}", st.lists(member, max_size=3), SPACE
    )


SCALARS = st.sampled_from(["null", "true", "false", '"model"', '"{[,:"']) | NUMBERS | NAMES.flatmap(strings)
VALUES = st.recursive(SCALARS, lambda inner: lists(inner) | objects(inner), max_leaves=8)


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    parts, values = [draw(SPACE) + "{"], []
    keys = draw(st.lists(NAMES, max_size=4))
    keys.insert(draw(st.integers(0, len(keys))), MODEL)
    for number, key in enumerate(keys):
        comma = "," if number else ""
        parts[-1] += comma + draw(SPACE) + draw(strings(key)) + draw(SPACE) + ":" + draw(SPACE)
        value = draw(VALUES)
        if key == MODEL:
            values.append(value)
            parts.append("")
        else:
            parts[-1] += value
        parts[-1] += draw(SPACE)
    parts[-1] += "}" + draw(SPACE)
    return Body(tuple(parts), tuple(values))


@settings(max_examples=100)
@given(bodies(), st.text(min_size=1, max_size=8))
def test_only_the_values_of_top_level_model_keys_change(body, name):
    sent = body.with_values(lambda value: value)

    edited = BodyFilter().apply(sent, model=name, requested="")

    assert edited == body.with_values(lambda _: orjson.dumps(name).decode())
    assert json.loads(edited) == json.loads(sent) | {MODEL: name}


@settings(max_examples=100)
@given(bodies())
def test_without_another_name_not_one_byte_changes(body):
    sent = body.with_values(lambda value: value)

    assert BodyFilter().apply(sent, model=None, requested="") == sent
