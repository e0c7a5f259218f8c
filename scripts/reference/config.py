"""docs/reference/config.md: every key of the configuration file, from the classes that read it."""

from __future__ import annotations

import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import attrs
from attrs import NOTHING, Attribute, frozen

from reference.markdown import anchor, code, sentence, summary, table
from swaplab_core.config.check import NOT_YET
from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.config.structure import fields_by_key, reader_name
from swaplab_core.plugin import Backend
from swaplab_core.plugin.catalogue import Catalogue, PluginState

ROOT = Path(__file__).resolve().parents[2]

INTRODUCTION = """\
# Configuration file

One YAML file (`--config FILE`), or a folder of them (`--config-dir`), or both. llama-swap's files work unchanged.
`swaplab check FILE` prints every problem with its line.

- A value may be a macro: `${name}` from `macros`, `${env.NAME}` from the environment, and in a model `${PORT}`,
  `${MODEL_ID}` and (in `cmdStop`) `${PID}`.
- Keys that begin with `x-` are yours, for anchors and notes. Other unknown keys are warned of and ignored.
- Times are seconds.
- **Not yet** marks what is checked and then ignored; the file gets a warning for it.
"""

HEADER = ("key", "value", "default", "meaning")


@frozen
class Section:
    """One mapping of the file: where it stands (`models.*.filters`), and the class that reads it."""

    path: str
    cls: type

    def key_path(self, key: str) -> str:
        """Where a key of this section stands."""
        return f"{self.path}.{key}" if self.path else key


def page() -> str:
    """Write the page."""
    sections = list(_sections(Section("", Config)))
    first = {section.cls: section for section in reversed(sections)}
    parts = [INTRODUCTION, *(_section(section, first) for section in sections if first[section.cls] == section)]
    parts += ["# Keys of the backends\n", "A model entry also has the keys of the backend it names.\n"]
    parts += [_backend(backend) for backend in _backends()]
    return "\n".join(parts)


def _sections(section: Section) -> Iterator[Section]:
    yield section
    for key, attribute in fields_by_key(section.cls).items():
        if (inner := _inner(attribute.type)) is not None:
            step, cls = inner
            yield from _sections(Section(section.key_path(key) + step, cls))


def _inner(type_: Any) -> tuple[str, type] | None:
    """Answer the class of a key whose value is a mapping of known keys, and the step that leads to it."""
    if attrs.has(type_):
        return "", type_
    members = [_inner(member) for member in get_args(type_)]
    found = next((member for member in members if member is not None), None)
    if found is not None and get_origin(type_) is Mapping:
        return f".*{found[0]}", found[1]
    return found


def _section(section: Section, first: Mapping[type, Section]) -> str:
    title = _title(section.path)
    rows = [_row(section, key, attribute, first) for key, attribute in fields_by_key(section.cls).items()]
    about = f"{'**Not yet.** ' if is_not_yet(section.path) else ''}{sentence(summary(section.cls))}"
    text = f"## {title}\n\n{about}\n\n{table(HEADER, rows)}"
    return f"{text}\n{_restarting()}\n" if section.cls is ModelConfig else text


def _title(path: str) -> str:
    return code(path) if path else "Top level"


def _row(section: Section, key: str, attribute: Attribute[Any], first: Mapping[type, Section]) -> tuple[str, ...]:
    meaning = sentence(attribute.metadata.get("help") or "")
    path = section.key_path(key)
    if is_not_yet(path) and not is_not_yet(section.path):
        meaning = f"**Not yet.** {meaning}"
    inner = _inner(attribute.type)
    if inner is not None:
        there = first[inner[1]].path
        meaning += f" See [{code(there)}](#{anchor(_title(there))})."
    return code(key), _value(attribute), _default(attribute), meaning


def is_not_yet(path: str) -> bool:
    """Is this key, or a mapping around it, checked and then ignored?"""
    steps = path.split(".")
    return any(
        len(pattern) <= len(steps) and all(p in {"*", s} for p, s in zip(pattern, steps, strict=False))
        for pattern in (entry.split(".") for entry in NOT_YET)
    )


def _restarting() -> str:
    keys = [key for key, attribute in fields_by_key(ModelConfig).items() if attribute.metadata.get("launch")]
    listed = ", ".join(code(key) for key in sorted(keys))
    return (
        f"When the configuration is reloaded, a change of {listed} or of a key of the backend restarts a running model "
        "after its last stream; a change of anything else does not."
    )


def own_distributions() -> set[str]:
    """Return the names of this repository's distributions."""
    projects = [ROOT / "pyproject.toml", *(ROOT / "plugins").glob("*/pyproject.toml")]
    return {tomllib.loads(project.read_text())["project"]["name"] for project in projects}


def _backends() -> Iterator[Backend]:
    """Answer the backends of this repository's own distributions."""
    ours = own_distributions()
    catalogue = Catalogue.discover()
    for record in catalogue.records:
        if record.group == "swaplab.backends" and record.distribution in ours and record.state is PluginState.OK:
            yield catalogue.backend(record.name)


def _backend(backend: Backend) -> str:
    rows = [
        (code(key), _value(attribute), _default(attribute), sentence(attribute.metadata.get("help") or ""))
        for key, attribute in fields_by_key(backend.options).items()
    ]
    return f"## `backend: {backend.name}`\n\n{sentence(summary(type(backend)))}\n\n{table(HEADER, rows)}"


# --- what a key holds, in words ---

_READERS = {
    "command": "command line",
    "comma_list": "names, comma-separated",
    "assignments": "list of NAME=value",
    "go_duration": "duration, `1m30s`",
}
_PLAIN: Mapping[Any, str] = {str: "text", bool: "true, false", int: "number", float: "number", Any: "anything"}


def _value(attribute: Attribute[Any]) -> str:
    choices: Sequence[str] = attribute.metadata.get("choices") or ()
    if choices:
        listed = ", ".join(code(choice) for choice in choices)
        return f"list of {listed}" if get_origin(attribute.type) is tuple else listed
    words = _READERS.get(reader_name(attribute)) or _type_words(attribute.type)
    unit = attribute.metadata.get("unit")
    return f"{words}, {unit}" if unit and unit != "s" else words


def _type_words(type_: Any) -> str:
    arguments = [argument for argument in get_args(type_) if argument not in {types.NoneType, Ellipsis}]
    origin = get_origin(type_)
    if origin in {types.UnionType, Union}:
        return ", ".join(_type_words(argument) for argument in arguments)
    if origin is Literal:
        return ", ".join(code(argument) for argument in arguments)
    if origin is Mapping:
        return "mappings by name" if attrs.has(arguments[1]) else f"mapping to {_type_words(arguments[1])}"
    if origin is tuple:
        return f"list of {_type_words(arguments[0])}"
    return "mapping" if attrs.has(type_) else _PLAIN.get(getattr(type_, "__supertype__", type_), "text")


def _default(attribute: Attribute[Any]) -> str:
    default: Any = attribute.default
    if default is NOTHING:
        return "required"
    if isinstance(default, bool):
        return code(str(default).lower())
    if isinstance(default, int | float | str) and default != "":
        return code(default)
    return ""
