"""Whatever the text: `load` answers, and what it says has a place in the text."""

from __future__ import annotations

import pytest
from attrs import field, frozen
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from swaplab_core.config.document import to_python
from swaplab_core.config.load import BackendSchema, Source, load
from swaplab_core.config.slices import cut
from swaplab_core.config.text import parse
from swaplab_core.domain.problem import Severity


@frozen
class CommandOptions:
    cmd: tuple[str, ...] = field(metadata={"command": True})


BACKENDS = {"command": BackendSchema(CommandOptions, False)}
PIECES = [
    "a", "b: ",
    "- ", "\n", "  ", "    ", "\t", '"', "'", "{", "}", "[", "]", ":", ",", " # c", "&x ", "*x", "!!str ", "!t ",
    "|\n", ">-\n", "%", "@", "---\n", "...\n", "? ", "\u2028", "\x85", "\r\n", "\r", "é", "\U0001f600", "\x00", "<<: ",
    "1", ".5", "~", "\\", "models:\n", "  m:\n", "    cmd: ", "x ${PORT}", "${env.HOME}", "${env.NO}", "macros: ",
    "${a}", "ttl: -3", "aliases: [m]", "proxy: http://h", "groups:\n", "members: ", "filters: ", "peers: ",
    "routing: {router: {use: matrix}}",
    "selectors: ", "profiles: ", "performance: {every: 1s}", "env: [A]", "\ufeff", "9" * 30, "x-y: ", "startPort: ",
]  # fmt: skip
yaml_like = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)

# Shapes that are read, so that the rules after reading are reached too.
values = st.recursive(
    st.sampled_from(
        ["", "~", "x", "0", "-1", "1.5", "true", '"${a}"', '"x ${PORT}"', "m", "p/m", '""', "'it''s'", '""']
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(st.sampled_from(["a", "m", "cmd", "x"]), inner, max_size=3).map(
            lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"
        ),
    ),
    max_leaves=6,
)
SECTIONS = [
    "macros", "groups", "matrix", "routing", "profiles", "selectors", "peers", "hooks", "apiKeys", "store",
    "performance", "upstream", "ui", "startPort", "globalTTL", "allowedOrigins", "logLevel", "unknown",
]  # fmt: skip
KEYS = [
    "cmd", "cmdStop", "proxy", "checkEndpoint", "ttl", "env", "aliases", "filters", "macros", "metadata", "timeouts",
    "capabilities", "compat", "backend", "unlisted", "concurrencyLimit", "unknown",
]  # fmt: skip
entries = st.dictionaries(st.sampled_from(KEYS), values, max_size=4).map(
    lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found.items()) + "}"
)


GOOD = st.just('{cmd: "x ${PORT}"}')


@st.composite
def shaped(draw):
    """A text with the right keys and any values."""
    models = draw(
        st.dictionaries(
            st.sampled_from(["m", "n", "p/m", "comfyui_auto"]), st.one_of(GOOD, entries, values), max_size=3
        )
    )
    sections = draw(st.dictionaries(st.sampled_from(SECTIONS), values, max_size=3))
    lines = [f"{key}: {value}" for key, value in sections.items()]
    return "\n".join([*lines, "models:", *(f"  {key}: {value}" for key, value in models.items())]) + "\n"


def check_answer(text, loaded):
    has_errors = any(problem.severity is Severity.ERROR for problem in loaded.problems)
    assert (loaded.config is None) == has_errors
    lines = text.count("\n") + text.count("\r") + text.count("\u2028") + text.count("\x85") + 1
    for problem in loaded.problems:
        assert problem.message
        assert problem.file == "f.yaml"
        assert 0 <= problem.line <= lines
        assert str(problem)


@given(st.one_of(st.text(), yaml_like, shaped()))
def test_load_answers_whatever_the_text(text):
    loaded = load([Source("f.yaml", text)], environment={"HOME": "/h"}, backends=BACKENDS)
    check_answer(text, loaded)


@given(shaped(), shaped())
def test_two_files_are_answered_too(first, second):
    sources = [Source("f.yaml", first), Source("f.yaml", second)]
    check_answer(first + second, load(sources, environment={}, backends=BACKENDS))


@given(st.one_of(yaml_like, shaped()))
def test_slices_hold_every_line_once_and_mean_what_the_whole_means(text):
    """The parser inside `parse` reads the slices; this reads the whole, by a comment that forbids to cut."""
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    slices = cut(text)
    if slices:
        *ended, last = (piece.text for piece in slices)  # but for the last, the end of their last line is theirs
        lines = [
            line for text_of in (*(each.removesuffix("\n") for each in ended), last) for line in text_of.split("\n")
        ]
        assert lines == text.split("\n")[slices[0].first_line :]
    sliced, whole = parse(text, "f"), parse("? swaplab-uncut\n: 1\n" + text, "f")
    if sliced.root is None or whole.root is None or not slices:
        return
    assert to_python(sliced.root) == to_python(whole.root.without(("swaplab-uncut",)))


@given(shaped(), st.integers(1, 5))
def test_problems_move_with_the_lines(text, count):
    def places(source):
        loaded = load([Source("f.yaml", source)], environment={}, backends=BACKENDS)
        return [(problem.path, problem.line, problem.column) for problem in loaded.problems if problem.path]

    expected = [(path, line + count, column) for path, line, column in places(text)]
    assert places("# one line\n" * count + text) == expected


def test_the_strategy_reaches_good_configurations():
    """Guard: a strategy whose texts are all broken would prove nothing."""

    def is_good(text):
        loaded = load([Source("f.yaml", text)], environment={}, backends=BACKENDS)
        return loaded.config is not None and bool(loaded.config.models)

    assert find(shaped(), is_good, settings=settings(phases=[Phase.generate]))


@pytest.mark.parametrize("depth", [59, 500, 100_000])
def test_deep_nesting_is_answered(depth):
    for text in (
        "[" * depth,
        "a: " + "{a: " * depth,
        "- " * depth,
        "".join(f"{' ' * n}a:\n" for n in range(min(depth, 500))),
    ):
        check_answer(text, load([Source("f.yaml", text)], environment={}, backends=BACKENDS))
