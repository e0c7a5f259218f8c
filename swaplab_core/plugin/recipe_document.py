"""Reading a recipe file for the authors of recipe parsers: YAML with places, and values as the runner will see them.

The runners read YAML with PyYAML, which is YAML 1.1: there `yes` is true, `012` is ten and `1e6` is text. A parser
must say what the runner will see, so scalars are read by those rules. What strict YAML forbids (anchors, tags) is
accepted with a warning; a key that stands twice is an error, since the runner would silently take the last one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from attrs import define, evolve, field

from swaplab_core.config.document import EMPTY, ListNode, MapNode, Node, Scalar
from swaplab_core.config.text import parse
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.domain.recipe import RecipeValue

_WORDS: Mapping[str, RecipeValue] = {
    "": None, "~": None, "null": None,
    "true": True, "yes": True, "on": True,
    "false": False, "no": False, "off": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_HEX = re.compile(r"[-+]?0x[0-9a-fA-F_]+")
_BINARY = re.compile(r"[-+]?0b[01_]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CLOCK = re.compile(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_LONGEST_NUMBER = 100


def runner_value(text: str) -> RecipeValue:
    """Return what PyYAML makes of a plain scalar."""
    if text in _WORDS or (text.lower() in _WORDS and text in {text.lower(), text.upper(), text.capitalize()}):
        return _WORDS[text.lower()]
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    return _number(text)


def _number(text: str) -> RecipeValue:
    digits = text.replace("_", "")
    for pattern, base in ((_INT, 10), (_HEX, 16), (_BINARY, 2), (_OCTAL, 8)):
        if pattern.fullmatch(text):
            return int(digits.replace("0o", "0"), base)
    if _FLOAT.fullmatch(text):
        return float(digits)
    if special := _SPECIAL.fullmatch(text):
        return float("nan") if special[3] else float(f"{special[1]}inf")
    if _CLOCK.fullmatch(text):
        return _sexagesimal(digits)
    return text


def _sexagesimal(digits: str) -> RecipeValue:
    sign = -1 if digits.startswith("-") else 1
    value = 0.0
    for part in digits.lstrip("+-").split(":"):
        value = value * 60 + float(part)
    return sign * (value if "." in digits else int(value))


def scalar_value(scalar: Scalar) -> RecipeValue:
    """Return what PyYAML makes of a scalar of the file."""
    return runner_value(scalar.text) if scalar.plain else scalar.text


def exported_text(value: RecipeValue) -> str:
    """Return the text of a value that a runner writes into a shell script: Python's."""
    return "" if value is None else str(value)


@define
class RecipeDocument:
    """A recipe file that has been read as YAML; whatever does not fit goes to `problems`, and a default is answered.

    `root` is empty when the text cannot be read.
    """

    root: MapNode
    problems: list[Problem] = field(factory=list)

    @classmethod
    def read(cls, text: str, file: str = "") -> RecipeDocument:
        """Read a text; never raises, whatever it holds."""
        parsed = parse(text, file)
        problems = [_as_a_recipe(problem) for problem in parsed.problems]
        if parsed.root is not None and not parsed.root and not problems:
            problems.append(Problem("the file is empty", "start from the template of its format", file=file))
        return cls(parsed.root or EMPTY, problems)

    @property
    def is_broken(self) -> bool:
        """Is there an error?"""
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    def has(self, key: str) -> bool:
        """Does the file say something about a key?"""
        node = self.root.get(key)
        return node is not None and not (isinstance(node, Scalar) and scalar_value(node) is None)

    def text(self, key: str, default: str = "") -> str:
        """Return a text; numbers and words stand for what was written."""
        node = self.root.get(key)
        if isinstance(node, Scalar):
            return node.text if self.has(key) else default
        if node is not None:
            self.error(key, f"`{key}` must be text", "write one value")
        return default

    def required(self, key: str) -> str:
        """Return a text that must be there."""
        value = self.text(key)
        if not value.strip() and not isinstance(self.root.get(key), ListNode | MapNode):
            self.error(key, f"missing required field `{key}`", f"add `{key}:`")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false; yes, no, on and off are words for them."""
        node = self.root.get(key)
        value = scalar_value(node) if isinstance(node, Scalar) else None
        if isinstance(value, bool):
            return value
        if node is not None and self.has(key):
            self.error(key, f"`{key}` must be true or false", "write true or false, without quotes")
        return False

    def count(self, key: str) -> int:
        """Return a whole number from 0 on; 0 when it is not there."""
        node = self.root.get(key)
        value = scalar_value(node) if isinstance(node, Scalar) else None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        if self.has(key):
            self.error(key, f"`{key}` must be a whole number", "write a number, without quotes")
        return 0

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        node = self.root.get(key)
        if isinstance(node, ListNode) and all(isinstance(item, Scalar) for item in node):
            return tuple(item.text for item in node if isinstance(item, Scalar))
        if self.has(key):
            self.error(key, f"`{key}` must be a list of texts", "write one `- word` line each")
        return ()

    def values(self, key: str) -> dict[str, RecipeValue]:
        """Return a mapping of plain values, as the runner sees them."""
        values: dict[str, RecipeValue] = {}
        for name, node in self._mapping(key).items():
            if isinstance(node, Scalar):
                values[name] = scalar_value(node)
                self._note_surprise(f"{key}.{name}", node)
            else:
                self.warn(f"{key}.{name}", f"`{name}` is no single value, so it is left out", node=node)
        return values

    def exports(self, key: str) -> dict[str, str]:
        """Return a mapping of environment variables, as the runner exports them."""
        return {name: exported_text(value) for name, value in self.values(key).items()}

    def rest(self, known: Collection[str]) -> dict[str, Any]:
        """Return the keys that the format does not define, as plain values."""
        return {key: plain(node) for key, node in self.root.items() if key not in known}

    def error(self, key: str, message: str, advice: str = "") -> None:
        """Note a mistake at a key."""
        self.problems.append(evolve(self._at(key).problem(message, advice), path=key))

    def warn(self, key: str, message: str, advice: str = "", *, node: Node | None = None) -> None:
        """Note something that will surprise."""
        place = self._at(key) if node is None else node.place
        self.problems.append(evolve(place.warning(message, advice), path=key))

    def _at(self, key: str) -> Any:
        parent, _, child = key.partition(".")
        node = self.root.get(parent)
        if child and isinstance(node, MapNode):
            return node.key_place(child)
        return self.root.key_place(parent) if parent in self.root else evolve(self.root.place, line=0, column=0)

    def _mapping(self, key: str) -> MapNode:
        node = self.root.get(key)
        if isinstance(node, MapNode):
            return node
        if self.has(key):
            self.error(key, f"`{key}` must be a mapping", "write `name: value` lines below it")
        return EMPTY

    def _note_surprise(self, path: str, scalar: Scalar) -> None:
        """Say when the runner's YAML reads something else than a person would."""
        value = scalar_value(scalar)
        if scalar.plain and _surprises(scalar.text, value):
            self.warn(path, f"the runner will see {value!r}, not {scalar.text}", "put it in quotes", node=scalar)


def plain(node: Node) -> Any:
    """Return plain values, lists and dicts, scalars as the runner sees them."""
    match node:
        case Scalar():
            return scalar_value(node)
        case ListNode():
            return [plain(item) for item in node]
        case MapNode():
            return {key: plain(child) for key, child in node.items()}


def _surprises(text: str, value: RecipeValue) -> bool:
    match value:
        case bool():
            return text.lower() not in {"true", "false"}
        case int():
            return text.lstrip("+-") != str(abs(value)) and "_" not in text
        case float():
            return ":" in text
        case _:
            return False


def _as_a_recipe(problem: Problem) -> Problem:
    """Word what the reader of configurations says for recipes."""
    if problem.message.startswith("a configuration is"):
        return evolve(problem, message="a recipe is a mapping of keys", advice="write `key: value` lines")
    if problem.severity is Severity.WARNING:
        return evolve(problem, advice="the runner understands it; plain values are easier to read")
    if "written twice" in problem.message:
        return evolve(problem, advice="remove one of them: the runner would silently take the last")
    return problem
