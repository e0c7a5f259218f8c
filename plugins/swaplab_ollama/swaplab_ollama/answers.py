"""What a model said, read from the JSON of OpenAI's routes: one event of a stream after the other, or all in one.

Pure and forgiving: whatever is missing or of an odd type counts as not said, since engines differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import define, evolve, field, frozen

from swaplab_core.domain.errors import UpstreamError

DONE = b"[DONE]"

_NS_PER_MS = 1_000_000


@frozen
class Piece:
    """A part of what the model said. `tool_calls` and `logprobs` have Ollama's shape."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    logprobs: tuple[Mapping[str, Any], ...] = ()

    def __add__(self, other: Piece) -> Piece:
        return Piece(
            self.text + other.text,
            self.thinking + other.thinking,
            self.tool_calls + other.tool_calls,
            self.logprobs + other.logprobs,
        )


NOTHING = Piece()


@frozen
class Figures:
    """What the engine said of its work: tokens, and nanoseconds. None means that it did not say."""

    prompt_tokens: int | None = None
    output_tokens: int | None = None
    prompt_ns: int | None = None
    output_ns: int | None = None

    def updated(self, later: Figures) -> Figures:
        """Combine what two events say; the later one wins."""
        names = ("prompt_tokens", "output_tokens", "prompt_ns", "output_ns")
        said = {name: value for name in names if (value := getattr(later, name)) is not None}
        return evolve(self, **said)


@define
class AnswerReader:
    """Give it the events of an answer. `has_begun`: the model says something. `is_complete`: the answer says it is."""

    reason: str = ""
    has_begun: bool = False
    is_complete: bool = False
    _counted: Figures = Figures()
    _timed: Figures = Figures()
    _calls: dict[int, _PartialCall] = field(factory=dict)

    @property
    def figures(self) -> Figures:
        """What the engine has said of its work so far; its counts of tokens are better than those of its timings."""
        return self._timed.updated(self._counted)

    def read(self, data: bytes) -> Piece:
        """Read one event, or one whole answer. Raises UpstreamError when it tells of an error, or is no JSON object."""
        if data.strip() == DONE:
            self.is_complete = True
            return NOTHING
        event = _decoded(data)
        if error := event.get("error"):
            raise UpstreamError(error_message(error))
        self._counted = self._counted.updated(_counts(event))
        self._timed = self._timed.updated(_timings(event))
        choice = _first(event.get("choices"))
        piece = self._native(event) if choice is None else self._choice(choice)
        self.has_begun = self.has_begun or piece != NOTHING or bool(self._calls)
        return piece

    def rest(self) -> Piece:
        """Give what is known only at the end: the tool calls."""
        calls, self._calls = self._calls, {}
        whole = [call.whole(number) for number, (_, call) in enumerate(sorted(calls.items()))]
        return sum(whole, NOTHING)

    def _choice(self, choice: Mapping[str, Any]) -> Piece:
        said = _mapping(choice, "delta") or _mapping(choice, "message")
        self._ended(choice.get("finish_reason"))
        for position, call in enumerate(_list(said, "tool_calls")):
            number = call.get("index")
            self._calls.setdefault(number if isinstance(number, int) else position, _PartialCall()).add(call)
        return Piece(
            text=_text(said, "content") or _text(choice, "text"),
            thinking=_text(said, "reasoning_content") or _text(said, "reasoning"),
            logprobs=tuple(_logprob(entry) for entry in _list(_mapping(choice, "logprobs"), "content")),
        )

    def _native(self, event: Mapping[str, Any]) -> Piece:
        """llama.cpp's own form, which `/infill` answers in."""
        if event.get("stop") is True:
            self._ended("length" if event.get("stop_type") == "limit" else "stop")
        return Piece(text=_text(event, "content"))

    def _ended(self, reason: object) -> None:
        if isinstance(reason, str) and reason:
            self.reason, self.is_complete = "length" if reason == "length" else "stop", True


@define
class _PartialCall:
    """A tool call that comes in fragments."""

    number: str = ""
    name: str = ""
    arguments: str = ""

    def add(self, fragment: Mapping[str, Any]) -> None:
        function = _mapping(fragment, "function")
        self.number = self.number or _text(fragment, "id")
        self.name += _text(function, "name")
        self.arguments += _text(function, "arguments")

    def whole(self, index: int) -> Piece:
        """Give it in Ollama's shape; a call whose arguments are no object stays the text that the model wrote."""
        try:
            arguments = orjson.loads(self.arguments or b"{}")
        except orjson.JSONDecodeError:
            arguments = None
        if not isinstance(arguments, dict):
            return Piece(text=f"{self.name}({self.arguments})")
        call: dict[str, Any] = {"function": {"index": index, "name": self.name, "arguments": arguments}}
        return Piece(tool_calls=({"id": self.number, **call} if self.number else call,))


def error_message(error: object) -> str:
    """Read the text of an error in OpenAI's shape, or in whatever shape an engine gives it."""
    if isinstance(error, Mapping):
        error = error.get("message") or error
    return error if isinstance(error, str) else orjson.dumps(error, default=str).decode()


def _decoded(data: bytes) -> Mapping[str, Any]:
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, Mapping):
        raise UpstreamError(f"the engine sent something that is no JSON object: {data[:200].decode(errors='replace')}")
    return event


def _counts(event: Mapping[str, Any]) -> Figures:
    """OpenAI's `usage`, or llama.cpp's own words for it."""
    usage = _mapping(event, "usage")
    return Figures(
        _count(usage, "prompt_tokens", _count(event, "tokens_evaluated")),
        _count(usage, "completion_tokens", _count(event, "tokens_predicted")),
    )


def _timings(event: Mapping[str, Any]) -> Figures:
    """llama.cpp's `timings`; the tokens of the prompt are those it worked on and those it had in its cache."""
    timings = _mapping(event, "timings")
    fresh, cached = _count(timings, "prompt_n"), _count(timings, "cache_n")
    return Figures(
        None if fresh is None else fresh + (cached or 0),
        _count(timings, "predicted_n"),
        _nanoseconds(timings, "prompt_ms"),
        _nanoseconds(timings, "predicted_ms"),
    )


def _count(parent: Mapping[str, Any], key: str, otherwise: int | None = None) -> int | None:
    number = _number(parent, key)
    return otherwise if number is None else int(number)


def _nanoseconds(timings: Mapping[str, Any], name: str) -> int | None:
    milliseconds = _number(timings, name)
    return None if milliseconds is None else round(milliseconds * _NS_PER_MS)


def _logprob(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {name: entry[name] for name in ("token", "logprob", "bytes") if name in entry}
    others = [_logprob(other) for other in _list(entry, "top_logprobs")]
    return {**kept, **({"top_logprobs": others} if others else {})}


def _first(items: object) -> Mapping[str, Any] | None:
    return items[0] if isinstance(items, list) and items and isinstance(items[0], Mapping) else None


def _list(parent: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = parent.get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def _number(parent: Mapping[str, Any], key: str) -> float | None:
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if 0 <= value < 1e15 else None  # keeps infinities and absurd integers out
