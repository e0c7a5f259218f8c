"""The language of matrix sets: `llama & (whisper | +small)`.

`&` puts models together, `|` chooses and binds looser, `+name` stands for another set. A set means a family of
combinations, in the order in which they are written. It is compiled to a graph of nodes, which references share, and
never multiplied out. What is decided with the graph lives in `matrix`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import reduce
from operator import or_

from attrs import Factory, define, field, frozen

from swaplab_core.domain.ids import ModelId

MAX_DEPTH = 100
"""How deep parentheses, and sets that refer to sets, may nest: both are walked by recursion."""


@frozen
class DslProblem:
    """A mistake in a matrix. `position` counts the characters of the expression from 0.

    `key` is the place below the matrix (`sets.chat`); `set_name` is "" for a mistake outside the sets.
    """

    set_name: str
    position: int
    message: str
    advice: str = ""
    key: str = Factory(lambda self: f"sets.{self.set_name}", takes_self=True)


class Kind(enum.Enum):
    """What a token is; the values are the group names of the pattern below."""

    NAME = "name"
    REFERENCE = "reference"
    AND = "ampersand"
    OR = "bar"
    OPEN = "open"
    CLOSE = "close"
    UNEXPECTED = "unexpected"
    END = "end"


_PATTERN = re.compile(
    r"(?P<name>[\w.-]+) | \+(?P<reference>[\w.-]+) | (?P<ampersand>&) | (?P<bar>\|)"
    r"| (?P<open>\() | (?P<close>\)) | (?P<unexpected>\S)",
    re.VERBOSE,
)


@frozen
class Token:
    """One piece of an expression; the text of a REFERENCE lacks its `+`."""

    kind: Kind
    text: str
    position: int


@frozen(eq=False)
class Leaf:
    """One model.

    Of every node `support` has the bits of all models below, `repeated` of those that several parts of a union below
    may give, and `first` of those in its first combination.
    """

    support: int
    first: int
    repeated: int = 0
    depth: int = 1


@frozen(eq=False)
class AnyOf:
    """A choice: all combinations of the first node, then those of the second, and so on."""

    choices: tuple[Node, ...]
    support: int
    first: int
    repeated: int
    depth: int


@frozen(eq=False)
class AllOf:
    """A union: one combination of every part, the last part varying fastest."""

    parts: tuple[Node, ...]
    support: int
    first: int
    repeated: int
    depth: int


Node = Leaf | AnyOf | AllOf


@frozen(eq=False)
class MatrixSet:
    """One named set."""

    name: str
    root: Node


@frozen(eq=False)
class Program:
    """All sets: a set that is referred to stands before those that do, otherwise they keep their order.

    `bits` has one bit for every model that some set mentions, in the order of their first mention.
    """

    sets: tuple[MatrixSet, ...]
    bits: Mapping[ModelId, int]

    @property
    def repeated(self) -> int:
        """The models that several parts of some union may give."""
        return _union(matrix_set.root.repeated for matrix_set in self.sets)


def compile_sets(sets: Mapping[str, str], names: Mapping[str, ModelId]) -> Program | tuple[DslProblem, ...]:
    """Compile `sets` (name to expression, in order); `names` are the words an expression may use for models."""
    tokens = {name: tokenize(text) for name, text in sets.items()}
    problems = [problem for name in sets for problem in _find_problems(name, tokens, names)]
    if problems:
        return tuple(problems)
    order = _order(tokens)
    return (order,) if isinstance(order, DslProblem) else _link(order, tokens, names)


def tokenize(text: str) -> tuple[Token, ...]:
    """All tokens, END last; a character that belongs nowhere becomes UNEXPECTED."""
    found = (
        Token(Kind(match.lastgroup), match[match.lastgroup or 0], match.start()) for match in _PATTERN.finditer(text)
    )
    return (*found, Token(Kind.END, "", len(text)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """An advice, "" when nothing is similar."""
    return "".join(f"did you mean {match!r}?" for match in get_close_matches(word, known, n=1))


def _find_problems(
    name: str, tokens: Mapping[str, Sequence[Token]], names: Mapping[str, ModelId]
) -> Iterator[DslProblem]:
    """A mistake of grammar hides those behind it, unknown names are all told."""
    if mistake := find_mistake(name, tokens[name]):
        yield mistake
    for token in tokens[name]:
        if token.kind is Kind.NAME and token.text not in names:
            advice = f"write +{token.text} to use that set" if token.text in tokens else did_you_mean(token.text, names)
            yield DslProblem(name, token.position, f"unknown model or variable {token.text!r}", advice)
        if token.kind is Kind.REFERENCE and token.text not in tokens:
            advice = "a model is written without '+'" if token.text in names else did_you_mean(token.text, tokens)
            yield DslProblem(name, token.position, f"there is no set {token.text!r}", advice)


_BEFORE_OPERAND = frozenset({Kind.NAME, Kind.REFERENCE, Kind.OPEN})
_AFTER_OPERAND = frozenset({Kind.AND, Kind.OR, Kind.CLOSE, Kind.END})
_OPERAND_ENDS = frozenset({Kind.NAME, Kind.REFERENCE, Kind.CLOSE})


def find_mistake(name: str, tokens: Sequence[Token]) -> DslProblem | None:
    """The first token that does not fit; where there is none, the parser below cannot fail."""
    if tokens[0].kind is Kind.END:
        return DslProblem(name, 0, "the expression is empty", "name at least one model")
    opened: list[Token] = []
    after_operand = False
    for token in tokens:
        if token.kind not in (_AFTER_OPERAND if after_operand else _BEFORE_OPERAND):
            return _misplaced(name, token, after_operand=after_operand)
        if token.kind is Kind.CLOSE:
            if not opened:
                return DslProblem(name, token.position, "')' closes nothing", "remove it, or add the '(' it belongs to")
            opened.pop()
        if token.kind is Kind.OPEN:
            opened.append(token)
            if len(opened) > MAX_DEPTH:
                return _too_deep(name, token.position)
        after_operand = token.kind in _OPERAND_ENDS
    return DslProblem(name, opened[-1].position, "'(' is never closed", "add the missing ')'") if opened else None


def _misplaced(name: str, token: Token, *, after_operand: bool) -> DslProblem:
    """Say it in the words that help most: an odd character, a missing operator, a missing model."""
    if token.text == "+":
        return DslProblem(name, token.position, "'+' without a name", "write the name of a set right behind it")
    if token.kind is Kind.UNEXPECTED:
        advice = "names have letters, digits, '_', '-' and '.'; give another model a short name in vars"
        return DslProblem(name, token.position, f"unexpected character {token.text!r}", advice)
    if after_operand:
        return DslProblem(name, token.position, f"no operator before {token.text!r}", "write '&' or '|' between them")
    if token.kind is Kind.END:
        return DslProblem(name, token.position, "the expression ends too early", "name one more model")
    return DslProblem(name, token.position, f"{token.text!r} where a model should be", "name a model, or write +set")


def _too_deep(name: str, position: int) -> DslProblem:
    return DslProblem(name, position, f"nested more than {MAX_DEPTH} deep, referred sets included", "write it flatter")


def _order(tokens: Mapping[str, Sequence[Token]]) -> tuple[str, ...] | DslProblem:
    """Depth first, without recursion: chains of references may be long. A cycle is a problem."""
    references = {name: [token for token in of_set if token.kind is Kind.REFERENCE] for name, of_set in tokens.items()}
    done: dict[str, None] = {}
    for name in tokens:
        path = [name]
        while path:
            ahead = next((token for token in references[path[-1]] if token.text not in done), None)
            if ahead is None:
                done[path.pop()] = None
            elif ahead.text in path:
                return _cycle(path, ahead)
            else:
                path.append(ahead.text)
    return tuple(done)


def _cycle(path: Sequence[str], back: Token) -> DslProblem:
    circle = " → ".join((*path[path.index(back.text) :], back.text))
    return DslProblem(path[-1], back.position, f"circular reference: {circle}", "no set may contain itself")


def _link(
    order: Iterable[str], tokens: Mapping[str, Sequence[Token]], names: Mapping[str, ModelId]
) -> Program | tuple[DslProblem, ...]:
    mentioned = (names[token.text] for of_set in tokens.values() for token in of_set if token.kind is Kind.NAME)
    bits = {model: 1 << index for index, model in enumerate(dict.fromkeys(mentioned))}
    leaves = {model: Leaf(bit, bit) for model, bit in bits.items()}
    roots: dict[str, Node] = {}

    def operand(token: Token) -> Node:
        return roots[token.text] if token.kind is Kind.REFERENCE else leaves[names[token.text]]

    for name in order:
        roots[name] = _Parser(tokens[name], operand).any_of()
        if roots[name].depth > MAX_DEPTH:
            return (_too_deep(name, 0),)
    return Program(tuple(MatrixSet(name, root) for name, root in roots.items()), bits)


@define
class _Parser:
    """Recursive descent over tokens without a mistake; `operand` gives the node of a name or reference."""

    tokens: Sequence[Token]
    operand: Callable[[Token], Node]
    position: int = field(default=0, init=False)

    def any_of(self) -> Node:
        choices = self._separated(Kind.OR, self._all_of)
        if len(choices) == 1:
            return choices[0]
        support, repeated = _union(one.support for one in choices), _union(one.repeated for one in choices)
        return AnyOf(choices, support, choices[0].first, repeated, _depth(choices))

    def _all_of(self) -> Node:
        parts = self._separated(Kind.AND, self._operand)
        if len(parts) == 1:
            return parts[0]
        support, repeated = 0, _union(part.repeated for part in parts)
        for part in parts:
            repeated |= support & part.support
            support |= part.support
        return AllOf(parts, support, _union(part.first for part in parts), repeated, _depth(parts))

    def _separated(self, operator: Kind, operand: Callable[[], Node]) -> tuple[Node, ...]:
        found = [operand()]
        while self.tokens[self.position].kind is operator:
            self.position += 1
            found.append(operand())
        return tuple(found)

    def _operand(self) -> Node:
        token = self._take()
        if token.kind is not Kind.OPEN:
            return self.operand(token)
        inside = self.any_of()
        self._take()
        return inside

    def _take(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]


def _union(bits: Iterable[int]) -> int:
    return reduce(or_, bits, 0)


def _depth(nodes: Iterable[Node]) -> int:
    return 1 + max(node.depth for node in nodes)
