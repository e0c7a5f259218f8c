"""Macro expansion against its definition: what a macro means is what those before it make of its text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.config.document import ListNode, MapNode, Scalar, to_python
from swaplab_core.config.macros import expand, leftovers

NAMES = ["a", "b", "c", "a-b", "A_1"]
texts = st.lists(st.sampled_from([*(f"${{{name}}}" for name in NAMES), "x", " ", "${other}", "$", "}", "${"])).map(
    "".join
)
whole = st.lists(st.sampled_from([*(f"${{{name}}}" for name in NAMES), "x", " ", "${other}"])).map("".join)
macros = st.lists(st.tuples(st.sampled_from(NAMES), st.one_of(texts, st.integers(), st.booleans())), max_size=5).map(
    dict
)


def scalar(value):
    return Scalar(value, str(value).lower() if isinstance(value, bool) else str(value))


def naive(text, declared):
    """Replace from the last macro to the first, one after the other."""
    for name in reversed(list(declared)):
        text = text.replace(f"${{{name}}}", scalar(declared[name]).text)
    return text


def expanded(text, declared):
    return expand(scalar(text), {name: scalar(value) for name, value in declared.items()})


@given(texts, macros)
def test_the_text_is_that_of_the_definition(text, declared):
    assert expanded(text, declared).text == naive(text, declared)


@given(whole, st.lists(st.tuples(st.sampled_from(NAMES), whole), max_size=5).map(dict))
def test_only_forward_references_and_unknown_names_are_left(text, declared):
    found = expanded(text, declared)
    left = set(re.findall(r"\$\{([A-Za-z0-9_-]+)\}", found.text))
    used_later = {name for value in declared.values() for name in re.findall(r"\$\{([A-Za-z0-9_-]+)\}", str(value))}
    assert left <= used_later | {"other"} | (set(NAMES) - set(declared))
    reported = {problem.message for problem in leftovers(found, {})}
    assert reported == {f"unknown macro '${{{name}}}'" for name in left}


@given(texts, macros)
def test_only_a_macro_that_is_the_whole_text_changes_its_type(text, declared):
    found = expanded(text, declared)
    if isinstance(found.value, str):
        assert found.value == found.text
    else:
        assert any(found == scalar(value) for value in declared.values())


@given(st.one_of(st.integers(), st.booleans(), st.text(alphabet="xyz ")), st.sampled_from(NAMES))
def test_a_macro_alone_keeps_its_type(value, name):
    found = expanded(f"${{{name}}}", {name: value}).value
    assert found == value
    assert type(found) is type(value)


@given(
    st.recursive(texts.map(scalar), lambda inner: st.lists(inner, max_size=3).map(lambda i: ListNode(tuple(i)))), macros
)
def test_a_container_is_expanded_item_by_item_and_kept_when_nothing_changes(node, declared):
    nodes = {name: scalar(value) for name, value in declared.items()}
    found = expand(MapNode({"k": node}), nodes)
    assert to_python(found) == {"k": to_python(expand(node, nodes))}
    assert expand(found, {}) is found
