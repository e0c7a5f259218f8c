"""The conformance ledger is whole: every behaviour of llama-swap's tests has a row, and every test it names exists."""

from __future__ import annotations

import ast
import functools
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAMES = (HERE / "names.txt").read_text(encoding="utf-8").splitlines()
ROWS: list[dict[str, Any]] = tomllib.loads((HERE / "llama_swap.toml").read_text(encoding="utf-8"))["row"]

KINDS = {"tests", "skip"}


def twice(values: list[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


@functools.cache
def known_tests(file: str) -> frozenset[str]:
    """Ids of the tests in a file, without parameters."""
    if not (ROOT / file).is_file():
        return frozenset()
    module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(f"{file}::{name}" for name in names_in(module))


def names_in(module: ast.Module) -> Iterator[str]:
    """Functions, methods of classes, and hypothesis' machines, which are assigned."""
    for statement in module.body:
        match statement:
            case ast.FunctionDef(name=name) if name.startswith("test_"):
                yield name
            case ast.ClassDef(name=name) if name.startswith("Test"):
                yield from (f"{name}::{method}" for method in names_in(ast.Module(statement.body, [])))
            case ast.Assign(targets=[ast.Name(name)], value=ast.Attribute(attr="TestCase")):
                yield f"{name}::runTest"


def test_every_name_has_its_row_in_the_same_order():
    named = [row.get("name", "") for row in ROWS]

    assert twice(NAMES) == twice(named) == []
    assert sorted(set(NAMES) - set(named)) == [], "without a row"
    assert sorted(set(named) - set(NAMES)) == [], "without a name"
    assert named == NAMES


def test_every_row_says_what_it_is_about_and_one_thing_of_how_it_is_shown():
    assert [f"{row.get('name')}: {mistake}" for row in ROWS for mistake in mistakes_in(row)] == []


def mistakes_in(row: dict[str, Any]) -> Iterator[str]:
    kinds = KINDS & row.keys()
    if len(kinds) != 1:
        yield f"has {sorted(kinds)}, not exactly one of {sorted(KINDS)}"
    if unknown := row.keys() - KINDS - {"name", "says", "differs"}:
        yield f"has unknown keys {sorted(unknown)}"
    for key in row.keys() - {"tests"} | {"name", "says"}:
        if not isinstance(row.get(key), str) or not row[key].strip():
            yield f"has no text in {key}"
    if "differs" in row and "tests" not in row:
        yield "differs, and no test shows how"
    if row.get("tests") == [] or twice(row.get("tests", [])):
        yield "lists no test, or one twice"


def test_every_test_that_a_row_lists_exists():
    listed = {(row["name"], test) for row in ROWS for test in row.get("tests", ())}

    assert sorted((name, test) for name, test in listed if test not in known_tests(test.partition("::")[0])) == []


def test_the_counts():
    counts = Counter(kind for row in ROWS for kind in KINDS & row.keys())
    tests = {test for row in ROWS for test in row.get("tests", ())}
    deliberate = sum("differs" in row for row in ROWS)

    print(f"{len(ROWS)} behaviours: {counts['tests']} are shown by {len(tests)} tests, {deliberate} of those differ,")
    print(f"{counts['skip']} cannot apply here")
    assert counts.total() == len(ROWS) > 0
