"""Document → values, by cattrs: a class of `schema`, or a backend's options, is read from a mapping, each field by its
type.

A value that does not fit is a problem and its field keeps the default, so one bad value hides no other. An empty value
(`ttl:`) counts as not written. Numbers and words are fine where text is asked for; quoted numbers are no numbers.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache, partial
from pathlib import PurePath
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs
from attrs import NOTHING, Attribute, evolve
from cattrs import AttributeValidationNote, ClassValidationError, Converter
from cattrs.gen import make_dict_structure_fn, override

from swaplab_core.config.didyoumean import did_you_mean
from swaplab_core.config.document import ListNode, MapNode, Node, Scalar, to_python
from swaplab_core.config.misfit import Misfit, described
from swaplab_core.config.readers import READERS, read_bool, read_int, read_number, read_text
from swaplab_core.config.structure import MAPPINGS, SEQUENCES, UNIONS, fields_by_key, reader_name
from swaplab_core.domain.problem import Problem

T = TypeVar("T")
Hook = Callable[[Node, Any], Any]


def read(node: Node, cls: type[T]) -> tuple[T | None, tuple[Problem, ...]]:
    """Read a mapping as `cls`: the value (None when too little of it fits), and every problem."""
    try:
        return _converter().structure(node, cls), ()
    except Misfit as misfit:
        return None if misfit.partial is NOTHING else misfit.partial, misfit.problems


@cache
def _converter() -> Converter:
    converter = Converter()
    plain = {str: read_text, bool: read_bool, int: read_int, float: read_number, Any: to_python}
    for type_, reader in plain.items():
        converter.register_structure_hook(type_, _hook(reader))
    for matches, factory in (
        (_has_origin(*SEQUENCES), _sequence_hook),
        (_has_origin(*MAPPINGS), _mapping_hook),
        (_has_origin(*UNIONS), _union_hook),
        (_has_origin(Literal), _literal_hook),
        (_is_subclass(Enum), _enum_hook),
        (_is_subclass(PurePath), _path_hook),
        (attrs.has, _class_hook),
    ):
        converter.register_structure_hook_factory(matches, partial(factory, converter))
    return converter


def _has_origin(*origins: Any) -> Callable[[Any], bool]:
    return lambda type_: get_origin(type_) in origins


def _hook(reader: Callable[[Node], Any]) -> Hook:
    return lambda node, _: reader(node)


def _is_subclass(parent: type) -> Callable[[Any], bool]:
    return lambda type_: isinstance(type_, type) and issubclass(type_, parent)


# --- classes ---


def _class_hook(converter: Converter, cls: type) -> Hook:
    overrides: dict[str, Any] = {
        field.name: override(omit=True) for field in attrs.fields(cls) if field.metadata.get("derived")
    }
    for key, field in fields_by_key(cls).items():
        overrides[field.name] = override(rename=key, struct_hook=_field_hook(converter, field))
    any_class: Any = cls
    read_entries: Callable[[MapNode, Any], Any] = make_dict_structure_fn(any_class, converter, **overrides)

    def read_class(node: Node, _: Any) -> Any:
        node = _written(node)
        try:
            return read_entries(node, cls)
        except ClassValidationError as group:
            raise _class_misfit(group, node, cls, read_entries) from None

    return read_class


def _written(node: Node) -> MapNode:
    """Return a mapping without the entries that are empty."""
    if isinstance(node, Scalar) and node.is_null:
        return MapNode(place=node.place)
    if not isinstance(node, MapNode):
        raise Misfit.at(node.place, f"must be a mapping of keys, not {described(node)}", "write `key: value` lines")
    empty = [key for key, child in node.entries.items() if isinstance(child, Scalar) and child.is_null]
    return node.without(empty) if empty else node


def _class_misfit(
    group: ClassValidationError, node: MapNode, cls: type, read_entries: Callable[[MapNode, Any], Any]
) -> Misfit:
    """Gather all problems of a mapping, and read what remains of it without the keys that have one."""
    problems: list[Problem] = []
    partials: dict[str, Any] = {}
    bad: list[str] = []
    keys = {field.name: key for key, field in fields_by_key(cls).items()}
    for error in group.exceptions:
        name = _field_of(error)
        bad.append(keys.get(name, ""))
        problems.extend(_problems_of(error, node))
        if isinstance(error, Misfit) and error.partial is not NOTHING:
            partials[name] = error.partial
    try:
        return Misfit(problems, evolve(read_entries(node.without(bad), cls), **partials))
    except ClassValidationError:
        return Misfit(problems)


def _field_of(error: BaseException) -> str:
    notes = getattr(error, "__notes__", ())
    return next((note.name for note in notes if isinstance(note, AttributeValidationNote)), "")


def _problems_of(error: BaseException, node: MapNode) -> tuple[Problem, ...]:
    match error:
        case Misfit():
            return error.problems
        case KeyError():
            return (node.place.problem(f"'{error.args[0]}' is missing", f"write `{error.args[0]}:` here"),)
        case _:
            return (node.place.problem(str(error)),)


def _field_hook(converter: Converter, field: Attribute[Any]) -> Hook:
    """Read a field by its special reader or by its type, then hold it against its limits."""
    reader = READERS.get(reader_name(field))
    hook = _hook(reader) if reader else converter.get_structure_hook(field.type)
    minimum, choices = field.metadata.get("minimum"), field.metadata.get("choices", ())
    maximum, pattern = field.metadata.get("maximum"), field.metadata.get("pattern")
    is_required = field.default is NOTHING
    if minimum is None and maximum is None and not pattern and not choices and not is_required:
        return hook

    def read_limited(node: Node, type_: Any) -> Any:
        value = hook(node, type_)
        if is_required and value in ("", (), {}):
            raise Misfit.at(node.place, "is empty", "write something here")
        if minimum is not None and value is not None and value < minimum:
            raise Misfit.at(node.place, f"must be at least {minimum}, not {value}")
        if maximum is not None and value is not None and value > maximum:
            raise Misfit.at(node.place, f"must be at most {maximum}, not {value}")
        if pattern and isinstance(value, str) and not re.fullmatch(pattern, value):
            raise Misfit.at(node.place, f"does not look right: '{value}'", f"it must match {pattern}")
        for item in value if isinstance(value, tuple) else (value,):
            if choices and item not in choices:
                raise Misfit.at(node.place, f"'{item}' is none of: {', '.join(choices)}", did_you_mean(item, choices))
        return value

    return read_limited


# --- lists, mappings, unions and the rest ---


def _sequence_hook(converter: Converter, type_: Any) -> Hook:
    make = SEQUENCES[get_origin(type_)]
    item_type = get_args(type_)[0]
    hook = converter.get_structure_hook(item_type)

    def read_sequence(node: Node, _: Any) -> Any:
        if not isinstance(node, ListNode):
            raise Misfit.at(node.place, f"must be a list, not {described(node)}", _as_list(node))
        values, problems = _each(((None, item) for item in node), hook, item_type)
        if problems:
            raise Misfit(problems, make(value for _, value in values))
        return make(value for _, value in values)

    return read_sequence


def _as_list(node: Node) -> str:
    return f"write [{node.text}]" if isinstance(node, Scalar) and len(node.text) < 40 else "write `- value` lines"


def _mapping_hook(converter: Converter, type_: Any) -> Hook:
    value_type = get_args(type_)[1]
    hook = converter.get_structure_hook(value_type)

    def read_mapping(node: Node, _: Any) -> Any:
        if isinstance(node, Scalar) and node.is_null:
            return {}
        if not isinstance(node, MapNode):
            raise Misfit.at(node.place, f"must be a mapping, not {described(node)}", "write `key: value` lines")
        values, problems = _each(node.entries.items(), hook, value_type)
        if problems:
            raise Misfit(problems, dict(values))
        return dict(values)

    return read_mapping


def _each(pairs: Iterable[tuple[Any, Node]], hook: Hook, type_: Any) -> tuple[list[tuple[Any, Any]], list[Problem]]:
    """Read every value; a misfit costs only itself."""
    values: list[tuple[Any, Any]] = []
    problems: list[Problem] = []
    for key, node in pairs:
        try:
            values.append((key, hook(node, type_)))
        except Misfit as misfit:
            problems.extend(misfit.problems)
            if misfit.partial is not NOTHING:
                values.append((key, misfit.partial))
    return values, problems


def _union_hook(converter: Converter, type_: Any) -> Hook:
    """Read the member that fits the value; text takes what no other member wants."""
    members = [member for member in get_args(type_) if member is not types.NoneType]
    is_optional = len(members) < len(get_args(type_))
    members.sort(key=lambda member: _ORDER.get(member, 0))
    hooks = [(member, converter.get_structure_hook(member)) for member in members]

    of_class = next(((member, hook) for member, hook in hooks if attrs.has(member)), None)

    def read_union(node: Node, _: Any) -> Any:
        if is_optional and isinstance(node, Scalar) and node.is_null:
            return None
        if of_class and isinstance(node, MapNode):
            return of_class[1](node, of_class[0])  # what is wrong inside is the problem, not that it is no text
        *first, last = hooks
        for member, hook in first:
            try:
                return hook(node, member)
            except Misfit:
                continue
        return last[1](node, last[0])

    return read_union


_ORDER: Mapping[Any, int] = {bool: 1, int: 2, float: 3, str: 9}


def _literal_hook(_: Converter, type_: Any) -> Hook:
    choices = {str(choice): choice for choice in get_args(type_)}
    return _choice_hook(choices)


def _enum_hook(_: Converter, type_: Any) -> Hook:
    return _choice_hook({str(member.value): member for member in type_})


def _choice_hook(choices: Mapping[str, Any]) -> Hook:
    def read_choice(node: Node, _: Any) -> Any:
        text = read_text(node)
        if text not in choices:
            raise Misfit.at(node.place, f"'{text}' is none of: {', '.join(choices)}", did_you_mean(text, choices))
        return choices[text]

    return read_choice


def _path_hook(_: Converter, type_: Any) -> Hook:
    return lambda node, _: type_(read_text(node))
