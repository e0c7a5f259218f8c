"""Merging files: nothing is lost, nothing is invented, and how the files are grouped does not matter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.config.document import EMPTY, ListNode, MapNode, Scalar, to_python
from swaplab_core.config.merge import merge

KEYS = ["a", "b", "models", "peers"]
scalars = st.sampled_from([1, 2, True, "x", None]).map(lambda value: Scalar(value, "" if value is None else str(value)))
nodes = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: ListNode(tuple(items))),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=3).map(MapNode),
    ),
    max_leaves=8,
)
roots = st.dictionaries(st.sampled_from(KEYS), nodes, max_size=3).map(MapNode)


def keys_below(node, path=()):
    yield path
    if isinstance(node, MapNode):
        for key, child in node.items():
            yield from keys_below(child, (*path, key))


@given(roots)
def test_one_file_and_empty_ones_are_that_file(root):
    for files in ([root], [EMPTY, root], [root, EMPTY], [EMPTY, root, EMPTY]):
        merged, problems = merge(files)
        assert to_python(merged) == to_python(root)
        assert problems == ()


@given(roots, roots, roots)
def test_how_the_files_are_grouped_does_not_matter(first, second, third):
    left, left_problems = merge([first, second])
    right, right_problems = merge([second, third])
    at_once, problems = merge([first, second, third])
    if problems or left_problems or right_problems:
        return
    assert to_python(merge([left, third])[0]) == to_python(at_once)
    assert to_python(merge([first, right])[0]) == to_python(at_once)


@given(roots, roots)
def test_a_merge_without_problems_has_the_keys_of_both(first, second):
    merged, problems = merge([first, second])
    if not problems:
        assert set(keys_below(merged)) == set(keys_below(first)) | set(keys_below(second))


@given(roots, roots)
def test_a_merge_with_problems_keeps_what_the_first_says(first, second):
    merged, _ = merge([first, second])
    assert set(keys_below(first)) <= set(keys_below(merged))


@given(roots)
def test_a_file_twice_is_a_duplicate_or_only_doubles_its_lists(root):
    merged, problems = merge([root, root])
    has_named = any(isinstance(root.get(key), MapNode) and root[key] for key in ("models", "peers"))
    assert bool(problems) == has_named
    assert set(keys_below(merged)) == set(keys_below(root))
