"""What holds for every recipe text, template and document."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

import attrs
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from swaplab_core.builtin.recipe_schema1 import Schema1Parser
from swaplab_core.builtin.recipe_schema2 import Schema2Parser
from swaplab_core.domain.recipe import Recipe
from swaplab_core.plugin.recipe_document import RecipeDocument, plain
from swaplab_core.plugin.recipe_template import BadTemplate, escape, placeholders, render
from swaplab_core.plugin.recipe_writer import write_yaml

QUICK = 60 if settings().max_examples < 1000 else 2000
"""strictyaml reads slowly."""

PARSERS = (Schema1Parser(), Schema2Parser())
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\u2028\u2029\x85"))
TYPICAL = st.sampled_from(
    [
        "yes",
        "No",
        "0.70",
        "1e6",
        "1_000",
        "012",
        "0x1f",
        "null",
        "~",
        "-",
        "a: b",
        "# x",
        "12:30",
        ".5",
        "+.inf",
        "=x",
        "@",
    ]
)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | TYPICAL
NAMES = st.from_regex(r"\A[a-z][a-z_]{0,8}\Z")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TREES = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8
)


@given(JSON, st.booleans())
def test_escaped_json_is_given_back_unchanged(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert render(escape(text), {}) == text
    assert placeholders(escape(text)) == ()


@given(st.text(st.sampled_from("{}ab!:.[]0 \"'_")))
def test_a_template_is_read_as_python_would_or_refused(template: str) -> None:
    values = dict.fromkeys(("a", "b", "ab", "ba", "_"), "X")
    try:
        ours = render(template, values)
    except BadTemplate:
        return
    assert ours == template.format(**values)


@settings(max_examples=QUICK)
@given(st.dictionaries(WORDS, TREES, min_size=1, max_size=5))
def test_what_is_written_reads_back_the_same_here_and_in_the_runner(values: dict[str, Any]) -> None:
    text = write_yaml(values)

    assert yaml.safe_load(text) == values
    document = RecipeDocument.read(text)
    assert not document.is_broken, (text, document.problems)
    assert plain(document.root) == values


@settings(max_examples=QUICK)
@given(st.dictionaries(NAMES, TYPICAL | st.from_regex(r"\A[-+0-9._:exbo]{1,8}\Z"), min_size=1, max_size=4))
def test_plain_scalars_are_read_as_the_runner_reads_them(values: dict[str, str]) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in values.items())
    try:
        theirs = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return
    document = RecipeDocument.read(text)
    if document.is_broken:
        return
    ours = plain(document.root)
    assert {key: repr(value) for key, value in ours.items()} == {
        key: repr(value) for key, value in theirs.items() if key in ours
    }


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")))
def test_a_parser_takes_any_text(text: str) -> None:
    for parser in PARSERS:
        parser.recognise(text, PurePosixPath("x.yaml"))
        reading = parser.parse(text, PurePosixPath("x.yaml"))
        assert reading.recipe is not None or reading.problems


RECIPES = st.builds(
    Recipe,
    format=st.just("schema1"),
    name=WORDS.filter(str.strip),
    description=WORDS,
    model=WORDS,
    container=st.sampled_from(["vllm-node", "nvcr.io/nvidia/vllm:26.01-py3", "a/b@sha256:" + "0" * 64]),
    command=st.sampled_from(["serve x", "serve {port} \\\n  --more '{{\"a\": 1}}'\n", "serve {port}\n"]),
    defaults=st.dictionaries(NAMES, VALUES, max_size=4).map(lambda values: {**values, "port": 8000}),
    env=st.dictionaries(NAMES, WORDS | TYPICAL, max_size=3),
    mods=st.lists(WORDS, max_size=2).map(tuple),
    solo_only=st.booleans(),
    extra=st.dictionaries(NAMES.map(lambda name: f"x_{name}"), TREES, max_size=2),
)


@settings(max_examples=QUICK)
@given(RECIPES)
def test_a_rendered_recipe_parses_to_the_same_recipe(recipe: Recipe) -> None:
    recipe = attrs.evolve(recipe, placeholders=placeholders(recipe.command))
    reading = PARSERS[0].parse(PARSERS[0].render(recipe), PurePosixPath("x.yaml"))

    assert reading.recipe is not None, (PARSERS[0].render(recipe), reading.problems)
    kept = {key: value for key, value in recipe.extra.items() if value not in ("", False, 0, [], {})}
    assert reading.recipe == attrs.evolve(recipe, extra=kept)
