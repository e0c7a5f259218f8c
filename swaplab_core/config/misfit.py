"""What reading a value raises when the value does not fit: all problems, and what could be read beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import NOTHING

from swaplab_core.config.document import ListNode, MapNode, Node, Place, Scalar
from swaplab_core.domain.problem import Problem


class Misfit(ValueError):
    """A value of the wrong kind. `partial` is what is left of it, so that the checks after can still look at that."""

    def __init__(self, problems: Sequence[Problem], partial: Any = NOTHING) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)
        self.partial = partial

    @classmethod
    def at(cls, place: Place, message: str, advice: str = "") -> Misfit:
        """Make one of a single problem."""
        return cls((place.problem(message, advice),))


def described(node: Node) -> str:
    """Say what a value is: `the text 'abc'`, `a list`."""
    match node:
        case ListNode():
            return "a list"
        case MapNode():
            return "a mapping"
        case Scalar(value=None):
            return "empty"
        case Scalar(value=bool()):
            return f"the word {node.text}"
        case Scalar(value=str()):
            return f"the text '{node.text}'" if len(node.text) < 40 else "a text"
        case Scalar():
            return f"the number {node.text}"
