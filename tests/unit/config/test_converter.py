"""Reading classes by their types, as plugins may define them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

import pytest
from attrs import Factory, field, frozen, validators

from swaplab_core.config.converter import read
from swaplab_core.config.structure import file_keys, unknown_keys
from swaplab_core.config.text import parse


class Colour(enum.Enum):
    RED = "red"
    DARK_BLUE = "dark-blue"


@frozen
class Inner:
    size: int
    unit: str = "m"


@frozen
class Everything:
    some_path: PurePosixPath = Factory(PurePosixPath)
    colour: Colour = Colour.RED
    speed: Literal["slow", "fast"] = "slow"
    tags: frozenset[str] = frozenset()
    numbers: list[int] = Factory(list)
    ratios: Sequence[float] = ()
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    by_name: Mapping[str, Inner] = Factory(dict)
    either: int | bool | str = 0
    maybe: float | None = None
    anything: Any = None
    delay_seconds: float = 1.0
    named: int = field(default=1, metadata={"key": "ODD-name"})
    even: int = field(default=0, validator=validators.in_((0, 2, 4)))


def everything(text):
    value, problems = read(parse(text, "c").root, Everything)
    assert problems == ()
    return value


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("somePath: /a/b", "some_path", PurePosixPath("/a/b")),
        ("colour: dark-blue", "colour", Colour.DARK_BLUE),
        ("speed: fast", "speed", "fast"),
        ("tags: [a, 1, a]", "tags", frozenset({"a", "1"})),
        ("numbers: [1, 2.0]", "numbers", [1, 2]),
        ("ratios: [1, 2.5]", "ratios", (1, 2.5)),
        ("inner: {size: 3}", "inner", Inner(3)),
        ("inner: ", "inner", None),
        ("many: [{size: 1}, {size: 2, unit: x}]", "many", (Inner(1), Inner(2, "x"))),
        ("byName: {a: {size: 1}}", "by_name", {"a": Inner(1)}),
        ("either: 5", "either", 5),
        ("either: true", "either", True),
        ("either: auto", "either", "auto"),
        ("either: '5'", "either", "5"),
        ("maybe: 1.5", "maybe", 1.5),
        ("anything: [1, {a: ~}]", "anything", [1, {"a": None}]),
        ("delay: 3", "delay_seconds", 3),
        ("ODD-name: 7", "named", 7),
    ],
)
def test_a_field_is_read_by_its_type(text, name, value):
    found = getattr(everything(text), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("colour: green", "colour", "'green' is none of: red, dark-blue"),
        ("speed: medium", "speed", "'medium' is none of: slow, fast"),
        ("numbers: [1, x]", "numbers[1]", "must be a whole number, not the text 'x'"),
        ("inner: {}", "inner", "'size' is missing"),
        ("inner: 5", "inner", "must be a mapping of keys, not the number 5"),
        ("many: [{size: 1}, {unit: x}]", "many[1]", "'size' is missing"),
        ("byName: {a: {size: x}}", "byName.a.size", "must be a whole number, not the text 'x'"),
        ("byName: [a]", "byName", "must be a mapping, not a list"),
        ("either: [1]", "either", "must be text, not a list"),
        ("maybe: soon", "maybe", "must be a number, not the text 'soon'"),
        ("somePath: [a]", "somePath", "must be text, not a list"),
    ],
)
def test_a_misfit_is_named_and_the_rest_is_read(text, path, message):
    value, problems = read(parse(f"{text}\ndelay: 9\n", "c").root, Everything)
    assert [(problem.path, problem.message) for problem in problems] == [(path, message)]
    assert value.delay_seconds == 9


def test_what_fits_of_a_list_or_a_mapping_is_kept():
    text = "numbers: [1, x, 3]\nbyName: {a: {size: 1}, b: 7}\ninner: {size: 2, unit: []}\n"
    value, problems = read(parse(text, "c").root, Everything)
    assert len(problems) == 3
    assert (value.numbers, dict(value.by_name), value.inner) == ([1, 3], {"a": Inner(1)}, Inner(2))


def test_a_validator_of_the_class_is_a_problem_at_its_mapping():
    value, problems = read(parse("delay: 2\neven: 3\n", "c").root, Everything)
    assert value is None
    assert "'even' must be in" in problems[0].message


def test_the_keys_of_a_class():
    assert {"somePath", "byName", "delay", "ODD-name"} <= file_keys(Everything)


def test_unknown_keys_are_found_at_any_depth():
    text = "wrong: 1\ninner: {sise: 1}\nmany: [{size: 1, q: 2}]\nbyName: {free: {unti: x}}\nanything: {free: 1}\n"
    found = unknown_keys(parse(text, "c").root, ("this", Everything))
    assert [problem.path for problem in found] == ["wrong", "inner.sise", "many[0].q", "byName.free.unti"]
