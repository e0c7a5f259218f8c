"""Editing JSON bytes in place does what decoding, editing and encoding would do, and touches nothing else."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.routing.splice import members, remove, set_value

keys = st.sampled_from(["a", "b", "model", "", 'q"uote', "back\\slash", "ünï", "{", "},:"]) | st.text(max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=6) | keys,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(keys, values, max_size=5)
layouts = st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"separators": (" , ", " : ")}])
paths = st.lists(keys, min_size=1, max_size=3)


def written(value, layout, *, ascii_only):
    return b" \n" + json.dumps(value, ensure_ascii=ascii_only, **layout).encode() + b" "


def set_in(value, path, new):
    for key in path[:-1]:
        if not isinstance(value.get(key), dict):
            value[key] = {}
        value = value[key]
    value[path[-1]] = new


def remove_from(value, path):
    for key in path[:-1]:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict):
        value.pop(path[-1], None)


@given(objects, layouts, st.booleans())
def test_members_are_those_of_the_decoded_object(value, layout, ascii_only):
    body = written(value, layout, ascii_only=ascii_only)
    found = {m.key: json.loads(body[m.value : m.end]) for m in members(body)}
    assert found == value
    assert list(found) == list(value)


@given(objects, layouts, st.booleans(), paths, values)
def test_setting_is_what_a_decoded_edit_would_be(value, layout, ascii_only, path, new):
    edited = set_value(written(value, layout, ascii_only=ascii_only), path, new)
    set_in(value, path, new)
    assert json.loads(edited) == value
    assert list(json.loads(edited)) == list(value)


@given(objects, layouts, st.booleans(), paths)
def test_removing_is_what_a_decoded_edit_would_be(value, layout, ascii_only, path):
    body = written(value, layout, ascii_only=ascii_only)
    edited = remove(body, path)
    before = json.loads(body)
    remove_from(value, path)
    assert json.loads(edited) == value
    if value == before:
        assert edited == body


@given(objects, layouts, values)
def test_replacing_a_value_keeps_every_other_byte(value, layout, new):
    value["model"] = "old"
    body = written(value, layout, ascii_only=False)
    (member,) = [m for m in members(body) if m.key == "model"]
    edited = set_value(body, ["model"], new)
    assert edited[: member.value] == body[: member.value]
    assert edited[len(edited) - len(body) + member.end :] == body[member.end :]


def test_both_of_two_equal_keys_are_edited():
    body = b'{"model": 1, "x": {"model": 2}, "mod\\u0065l" : 3}'
    assert set_value(body, ["model"], "n") == b'{"model": "n", "x": {"model": 2}, "mod\\u0065l" : "n"}'
    assert remove(body, ["model"]) == b'{"x": {"model": 2}}'
