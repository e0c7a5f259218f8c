"""An edit means exactly what was asked for, and every line that it need not touch stays as it was."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from swaplab_core.config.edit import document, is_same, rewrite
from swaplab_core.config.outline import outline
from swaplab_core.domain.errors import ConfigError

KEYS = st.sampled_from(["models", "macros", "a", "b-c", "on", "1", "org/name:Q4", "with space", "é", "-x", "#no", "~"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20) | st.sampled_from(
    ["yes", "null", "12", "1e3", "0x1f", "a: b", "a #b", "# c", "- x", "--port ${PORT}", "${env.HOME}/x", "'q'", '"',
     "~", "two\nlines", "two\nlines\n", " x", "x ", "\n", "a\n\n  b\n", "{x}", "[1]", "*a", "&b", "---", "!t", "%d",
     "a\tb"]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, width=32) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)
FEW = settings(max_examples=100)
COMMENTS = st.sampled_from(["", "# a comment", "# - not: an item", "#", "   # indented"])


@st.composite
def files(draw):
    """A file as a person might have written it: rewritten from nothing, then comments and blank lines put in."""
    lines = rewrite("", draw(DOCUMENTS)).split("\n")
    spread = []
    in_block = None
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if in_block is not None and (not line.strip() or indent > in_block):
            spread.append(line)
            continue
        in_block = indent if re.search(r"\|-?$", line) else None
        if line and draw(st.booleans()):
            comment = draw(COMMENTS)
            spread.append(comment if comment.startswith(" ") or not comment else " " * indent + comment)
        is_commented = line and in_block is None and draw(st.integers(0, 4)) == 0
        spread.append(f"{line}   # behind" if is_commented else line)
    return "\n".join(spread)


@st.composite
def edits(draw, value, *, top=False):
    """Another document, in most places like this one."""
    if isinstance(value, dict) and (top or draw(st.integers(0, 5))):
        kept = {key: draw(edits(item)) for key, item in value.items() if draw(st.integers(0, 5))}
        return {**kept, **draw(st.dictionaries(KEYS, VALUES, max_size=1))}
    if isinstance(value, list) and draw(st.integers(0, 3)):
        return [item for item in value if draw(st.integers(0, 3))] + draw(st.lists(VALUES, max_size=1))
    return draw(VALUES) if draw(st.integers(0, 4)) == 0 else value


@FEW
@given(st.data())
def test_the_edited_file_means_what_was_asked_for(data):
    text = data.draw(files())
    new = data.draw(edits(document(text), top=True))
    assert is_same(document(rewrite(text, new)), plain(new))


@FEW
@given(st.data())
def test_lines_that_need_no_change_stay_byte_for_byte_and_in_order(data):
    text = data.draw(files())
    old = document(text)
    new = data.draw(edits(old, top=True))
    remaining = iter(rewrite(text, new).split("\n"))
    lines = text.split("\n")
    for number in untouched(text, old, new):
        assert lines[number] in remaining, f"line {number + 1} is gone: {lines[number]!r}"


@FEW
@given(files())
def test_an_edit_that_changes_nothing_changes_nothing(text):
    assert rewrite(text, document(text)) == text


@FEW
@given(files())
def test_windows_line_ends_stay(text):
    windows = text.replace("\n", "\r\n")
    new = {**document(windows), "added": [1, {"x": "y"}]}
    edited = rewrite(windows, new)
    assert is_same(document(edited), plain(new))
    assert "\n" not in edited.replace("\r\n", "") or "\n" not in text


@FEW
@given(st.text(max_size=200), DOCUMENTS)
def test_any_text_is_edited_or_refused(text, new):
    try:
        edited = rewrite(text, new)
    except ConfigError:
        return
    assert is_same(document(edited), plain(new))


def plain(value):
    """Tuples as lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def untouched(text, old, new):
    """The numbers of the lines that no changed or removed entry covers, its comments included."""
    lines = text.split("\n")
    touched = set()

    def visit(span, was, will):
        for key, (at, value) in span.entries.items():
            if key not in was or (key in will and is_same(was[key], will[key])):
                continue
            if (
                key in will
                and isinstance(was[key], dict)
                and isinstance(will[key], dict)
                and value.entries
                and will[key]
            ):
                visit(value, was[key], will[key])
                continue
            first = at.line
            while first and re.fullmatch(rf" {{{at.column}}}#.*", lines[first - 1]):
                first -= 1
            touched.update(range(first if key not in will else at.line, value.last + 1))

    root = outline(text)
    if root is not None:
        visit(root, old, new)
    return [number for number, line in enumerate(lines) if number not in touched and line]
