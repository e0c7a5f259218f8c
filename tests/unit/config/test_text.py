"""Reading YAML: what is accepted, what is refused, and where each thing stands."""

from __future__ import annotations

import pytest

from swaplab_core.config import text as text_module
from swaplab_core.config.document import ListNode, MapNode, Scalar, place_of, to_python
from swaplab_core.config.text import parse
from swaplab_core.domain.problem import Severity


def read(text):
    parsed = parse(text, "config.yaml")
    assert parsed.root is not None, parsed.problems
    return to_python(parsed.root)


def complaint(text):
    (problem,) = parse(text, "config.yaml").problems
    return problem.line, problem.column, problem.message


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "--- # hello\n# more\n", "~\n", "\ufeff"])
def test_a_file_with_nothing_in_it_is_an_empty_mapping(text):
    assert read(text) == {}
    assert parse(text, "x").problems == ()


def test_byte_order_mark_and_windows_line_ends_do_not_matter():
    assert read("\ufeffa: 1\r\nb:\r\n  - x\r\n  - y\r\n") == {"a": 1, "b": ["x", "y"]}


def test_block_texts_keep_their_lines():
    text = "models:\n  a:\n    cmd: |\n      one # inside\n\n      two\n    x: >-\n      folded\n      text\n"
    assert read(text) == {"models": {"a": {"cmd": "one # inside\n\ntwo\n", "x": "folded text"}}}


def test_every_value_knows_its_line_and_column_beside_comments():
    text = "# head\n\na: 1 # one\n# between\nmodels:\n  # first\n  m:\n    # deep\n    ttl:   5\n    list:\n    - x\n"
    root = parse(text, "config.yaml").root
    assert (place_of(root, "a").line, place_of(root, "a").column) == (3, 4)
    ttl = place_of(root, "models", "m", "ttl")
    assert (ttl.path, ttl.line, ttl.column, ttl.file) == ("models.m.ttl", 9, 12, "config.yaml")
    item = place_of(root, "models", "m", "list", 0)
    assert (item.path, item.line, item.column) == ("models.m.list[0]", 11, 7)
    assert place_of(root, "models", "m").line == 7


def test_quoted_and_plain_are_told_apart():
    root = parse("a: 1\nb: '1'\nc: \"true\"\nd: true\n", "x").root
    assert to_python(root) == {"a": 1, "b": "1", "c": "true", "d": True}
    assert [node.plain for node in root.values()] == [True, False, False, True]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("cmd: foo: bar\n", (1, 9), "a ': ' cannot stand"),
        ("a:\n\tb: 1\n", (2, 1), "a tab cannot indent"),
        ("a: 1\nb: @x\n", (2, 4), "cannot begin with this character"),
        ("a: 1\n---\nb: 2\n", (2, 1), "a second document"),
        ("- a\n- b\n", (1, 1), "a configuration is a mapping"),
        ("just words\n", (1, 1), "a configuration is a mapping"),
        ("a: \x01\n", (1, 0), "a control character"),
        ("ok: 1\na: [1, 2\nb: 3\n", (2, 4), "'[' is opened here and never closed"),
        ("a: [\n", (2, 1), "a value is missing here"),
        ("a:\n   b: 1\n  c: 2\n", (3, 3), "the indentation does not fit"),
        ("? [a, b]\n: c\n", (1, 1), "a key cannot be a list"),
        ("a: " + "[" * 70 + "]" * 70, (1, 64), "nested more than"),
        ("a: *nobody\n", (1, 4), "no anchor '&nobody'"),
        ('a: "\\q"\n', (1, 6), "this is no escape"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text, where, what):
    line, column, message = complaint(text)
    assert (line, column) == where
    assert what in message


def test_an_open_quote_is_named_where_it_opens_although_a_later_model_would_close_it():
    text = 'models:\n  a:\n    cmd: "one\n    ttl: 3\n  b:\n    cmd: "two"\n'
    assert complaint(text)[:2] == (3, 10)


def test_a_key_written_twice_names_the_first_place_and_the_first_one_counts():
    parsed = parse("a: 1\nmodels:\n  m: {x: 1, x: 2}\n  n: {}\n  m: {}\na: 2\n", "c")
    assert to_python(parsed.root) == {"a": 1, "models": {"m": {"x": 1}, "n": {}}}
    found = [(problem.path, problem.line, problem.message) for problem in parsed.problems]
    assert found == [
        ("models.m.x", 3, "'x' is written twice, first in the same line"),
        ("models.m", 5, "'m' is written twice, first in line 3"),
        ("a", 6, "'a' is written twice, first in line 1"),
    ]


def test_anchors_merge_keys_and_tags_work_with_one_warning_each():
    text = "x: &a {p: 1, q: 1}\ny: &b {q: 2, r: 2}\nz:\n  <<: [*a, *b]\n  r: 3\nt: !!str 5\nu: !!int '7'\n"
    parsed = parse(text, "c")
    assert to_python(parsed.root)["z"] == {"q": 1, "r": 3, "p": 1}
    assert to_python(parsed.root)["t"] == "5"
    assert to_python(parsed.root)["u"] == 7
    assert all(problem.severity is Severity.WARNING for problem in parsed.problems)
    assert [(problem.line, problem.message) for problem in parsed.problems] == [
        (1, "uses a YAML anchor (2 places in this file)"),
        (4, "uses a YAML merge key"),
        (6, "uses a YAML tag, !!str"),
        (7, "uses a YAML tag, !!int"),
    ]


def test_an_alias_reaches_into_another_model():
    text = "models:\n  a: &base\n    ttl: 1\n  b:\n    <<: *base\n    x: 2\n"
    assert read(text) == {"models": {"a": {"ttl": 1}, "b": {"ttl": 1, "x": 2}}}


def test_what_is_merged_must_be_a_mapping():
    parsed = parse("a: &a 5\nb:\n  <<: *a\n", "c")
    assert "only mappings can be merged" in [problem.message for problem in parsed.problems]


def test_a_mapping_that_holds_itself_is_refused():
    assert parse("a: &a\n  b: *a\n", "c").problems[0].message == "no anchor '&a' stands before this alias"


def test_aliases_that_blow_up_are_refused():
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9))
    parsed = parse(f"l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n{levels}\n", "c")
    assert parsed.root is None
    assert "aliases blow this up" in parsed.problems[-1].message


def test_a_tab_inside_a_quoted_text_is_fine():
    assert read('a: "x\ty"\n') == {"a": "x\ty"}


def test_flow_style_is_fine_also_over_several_lines():
    assert read("store: {\n  path: x,\n}\nlist: [\n  a,\n]\nb: 2\n") == {"store": {"path": "x"}, "list": ["a"], "b": 2}


@pytest.mark.parametrize(
    "text",
    [
        'a: "one\ntwo: three"\nb: 1\n',
        "? a\n: 1\nb: 2\n",
        "a: 1\n...\n",
        "models:\n  ? m\n  : {ttl: 1}\n  n: {}\n",
        "%YAML 1.2\n---\na: 1\n",
        "'single': 1\n\"double\": 2\nnull: nothing\n",
        "models:\n  - not\n  - models\n",
        "models: {a: {x: 1},\n b: 2}\nc: 3\n",
        "a: &x 1\nb: *x\n",
    ],
)
def test_the_cut_into_slices_changes_nothing(text):
    """These are written in ways in which the places to cut are not obvious."""
    from strictyaml import ruamel

    by_the_library = ruamel.load(text, Loader=ruamel.SafeLoader)
    assert read(text) == {str(key).replace("None", "null"): value for key, value in by_the_library.items()}


def test_the_nodes_are_ordinary_containers():
    root = parse("a: [1, 2]\nb: {c: d}\n", "x").root
    assert isinstance(root, MapNode)
    assert isinstance(root["a"], ListNode)
    assert [item.value for item in root["a"]] == [1, 2]
    assert root["a"][:1] == (root["a"][0],)
    assert dict(root["b"].items())["c"] == Scalar("d", "d", True, place_of(root, "b", "c"))


def test_after_an_edit_of_one_model_only_that_one_is_read_again():
    text = "macros: {a: 1}\nmodels:\n" + "".join(f"  m{number}:\n    cmd: x\n" for number in range(20))
    parse(text, "c")
    before = text_module._read.cache_info().misses
    edited = parse(text.replace("m7:\n    cmd: x", "m7:\n    # new\n    cmd: y"), "c").root
    assert text_module._read.cache_info().misses == before + 1
    assert (to_python(edited["models"]["m7"]), place_of(edited, "models", "m8").line) == ({"cmd": "y"}, 20)


def test_long_lines_of_blanks_are_no_trap():
    text = "a" + " " * 200_000 + "\nb: 1\n"
    assert parse(text, "c").problems
