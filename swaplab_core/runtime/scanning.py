"""Finding, in the bytes of a response, the few JSON messages that tell tokens and speeds.

A body or an event may be of any size: only its head and its tail are kept, and what is wanted is searched there. Event
streams are not parsed as they come: an event is looked at with a search or two, and only the first and the last that
can tell something are kept.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from attrs import define, field

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 192 * 1024
"""Of JSON, what is wanted stands at the beginning (llama.cpp's embeddings) or at the end (everybody else)."""
WHOLE_BYTES = HEAD_BYTES + TAIL_BYTES
FIRST_EVENTS, LAST_EVENTS = 2, 4
"""Anthropic tells the input first and the output last; who tells with every event tells all in the last."""

_TELLING = re.compile(rb'"(?:usage|timings|metrics|error)"\s*:\s*\{')
_SAID = re.compile(
    rb'"(?:content|reasoning_content|reasoning|thinking|text|delta|arguments|partial_json|refusal)"\s*:\s*"(?!")'
)
_SAID_IN_RESPONSES = re.compile(rb'"delta"\s*:\s*"(?!")')
_OBJECT = re.compile(rb'"(usage|timings|metrics)"\s*:\s*(?=\{)')
_OBJECT_BYTES = 16 * 1024
_MOST_OBJECTS = 8
_PLAIN_JSON = json.JSONDecoder()

_LF = ord("\n")
_NOTHING = (b"\n", b"", 1, 0)
"""No line begins so."""
_BLANK = b"\n\n"
_PAIR, _END_LINES = 2, 8
"""An event is a line and a blank one. What ends a stream (why it ends, its usage, [DONE]) is within so many lines."""

Message = Mapping[str, Any]


@define(eq=False)
class Clipping:
    """The head and the tail of any number of bytes; `whole` as long as there is nothing between them."""

    head: bytearray = field(factory=bytearray, init=False)
    size: int = field(default=0, init=False)
    _tail: bytearray = field(factory=bytearray, init=False)

    def add(self, data: bytes) -> None:
        """Append bytes."""
        self.size += len(data)
        room = HEAD_BYTES - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        self._tail += data[-TAIL_BYTES:]
        if len(self._tail) > 2 * TAIL_BYTES:
            del self._tail[:-TAIL_BYTES]

    @property
    def tail(self) -> bytes:
        """The newest bytes that are not in the head."""
        return bytes(self._tail[-TAIL_BYTES:])

    @property
    def whole(self) -> bytes | None:
        """All of it, None when it was too much."""
        return None if self.size > WHOLE_BYTES else bytes(self.head + self._tail)

    def messages(self) -> Iterator[Message]:
        """The JSON object in it, of an array the last; of too much, what can be found in head and tail."""
        whole = self.whole
        if whole is not None:
            yield from parsed(whole)
        else:
            yield from _fragments(bytes(self.head))
            yield from _fragments(self.tail)


def parsed(data: bytes) -> Iterator[Message]:
    """The JSON object that `data` is, or the last of an array of them (as `/infill` answers); else nothing."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return
    if isinstance(value, list) and value:
        value = value[-1]
    if isinstance(value, dict):
        yield value


def _fragments(data: bytes) -> Iterator[Message]:
    """Objects of telling names in a cut-off JSON text: the last few, for a hostile one may be full of them."""
    for found in deque(_OBJECT.finditer(data), maxlen=_MOST_OBJECTS):
        text = data[found.end() : found.end() + _OBJECT_BYTES].decode("utf-8", "replace")
        try:
            value, _ = _PLAIN_JSON.raw_decode(text)
        except (ValueError, RecursionError):
            continue
        yield {found[1].decode(): value}


def _are_plain(texts: list[bytes], size: int) -> bool:
    """Whether these texts of events are `size` bytes together, none is empty, and no quote or line ends in them."""
    together = b"".join(texts)
    return len(together) == size and all(texts) and b'"' not in together and b"\n" not in together


@define(eq=False)
class EventScanner:
    """Reads server-sent events as they come, in chunks cut anywhere.

    `feed` answers how many of the events that the chunk completed said something: a token or a few. Most events of a
    stream differ from the one before in the text only, so it is expected how a line begins, and how it ends from the
    closing quote of its text on; such a line says something, and tells nothing.
    """

    _line: Clipping = field(factory=Clipping, init=False)
    _first: list[bytes | Message] = field(factory=list, init=False)
    _last: deque[bytes | Message] = field(factory=lambda: deque(maxlen=LAST_EVENTS), init=False)
    _expected: tuple[bytes, bytes, int, int] = field(default=_NOTHING, init=False)

    def feed(self, chunk: bytes) -> int:
        """Take the next bytes."""
        usual, end, start, size = self._expected
        if chunk.startswith(usual) and chunk.find(b"\n") == len(chunk) - 2 and not self._line.size:  # just one event
            close = len(chunk) - 2 - size
            if close > start and chunk.find(b'"', start) == close and chunk.startswith(end, close) and chunk[-1] == _LF:
                return 1
        said = 0
        if self._line.size:
            begun, line_end, chunk = chunk.partition(b"\n")
            if not line_end:
                self._line.add(begun)
                return 0
            said += self._complete(begun)
            chunk = chunk.removeprefix(b"\n")
        lines = chunk.split(b"\n")
        if rest := lines.pop():
            self._line.add(rest)
        return said + self._whole(lines)

    def are_usual(self, chunks: Sequence[bytes]) -> bool:
        """Whether each is just one event as it is expected: it says something, and `feed` would find nothing else.

        What is cut off at both ends is as much as if each had them only if each has them.
        """
        usual, end, start, size = self._expected
        if not size or self._line.size:
            return False
        tail = end + _BLANK
        texts = [chunk.removeprefix(usual).removesuffix(tail) for chunk in chunks]
        cut_off = len(chunks) * (start + len(tail))
        return _are_plain(texts, sum(map(len, chunks)) - cut_off)

    def end(self) -> int:
        """The stream is over; its last line may lack an end."""
        return self.feed(b"\n") if self._line.size else 0

    def messages(self) -> Iterator[Message]:
        """The events that tell something, as far as they were kept, oldest first."""
        for kept in (*self._first, *self._last):
            if isinstance(kept, bytes):
                yield from parsed(kept)
            else:
                yield kept

    def _whole(self, lines: list[bytes]) -> int:
        """How many of these lines say something. The first and the last events of a stream are not as those between."""
        said = 0
        if not self._expected[3]:
            said = self._each(lines[:_PAIR])
            lines = lines[_PAIR:]
        if usual := self._usual(lines):
            return said + usual
        if len(lines) > 2 * _END_LINES and (usual := self._usual(lines[:-_END_LINES])):
            return said + usual + self._each(lines[-_END_LINES:])
        return said + self._each(lines)

    def _usual(self, lines: list[bytes]) -> int:
        """How many events there are, if these lines are nothing but expected events and a blank line after each."""
        usual, end, start, size = self._expected
        if not size or any(lines[1::2]):
            return 0
        events = lines[::2]
        texts = [event.removeprefix(usual).removesuffix(end) for event in events]
        return len(events) if _are_plain(texts, sum(map(len, events)) - len(events) * (start + size)) else 0

    def _each(self, lines: Iterable[bytes]) -> int:
        """How many of these whole lines say something."""
        usual, end, start, size = self._expected
        said = 0
        for line in filter(None, lines):
            if line.startswith(usual) and line.find(b'"', start) == len(line) - size > start and line.endswith(end):
                said += 1
            else:
                said += self._is_said(line)
                usual, end, start, size = self._expected
        return said

    def _complete(self, end: bytes) -> bool:
        """Look at the line that earlier chunks began."""
        line, self._line = self._line, Clipping()
        line.add(end)
        if not line.head.startswith(b"data:"):
            return False
        whole = line.whole
        return self._look_at_giant(line) if whole is None else self._look(whole)

    def _look_at_giant(self, line: Clipping) -> bool:
        """The closing event of OpenAI's Responses repeats everything that was said: it is no token."""
        for message in line.messages():
            self._keep(message)
        return False

    def _is_said(self, line: bytes) -> bool:
        """Whether it says something; expects the next one to differ in the text only, up to its closing quote."""
        usual, _, start, _ = self._expected
        if not line.startswith(usual) or line[start : start + 1] == b'"' or len(line) > WHOLE_BYTES:
            return line.startswith(b"data:") and self._look(line)
        if _TELLING.search(line, start):
            self._keep(line[5:])
        else:
            self._expect(usual, line)
        return True

    def _expect(self, usual: bytes, line: bytes) -> None:
        """Lines that begin with `usual` and end as `line` does behind its text, and so tell as little; none for b""."""
        start = len(usual)
        end = line[line.find(b'"', start) :]
        self._expected = usual, end, start, len(end)

    def _look(self, line: bytes) -> bool:
        if len(line) > WHOLE_BYTES:
            giant = Clipping()
            giant.add(line)
            return self._look_at_giant(giant)
        tells = _TELLING.search(line)
        if tells:
            self._keep(line[5:])
        said = _SAID.search(line)
        if said and b'"response.' in line:  # its closing events repeat everything
            said = _SAID_IN_RESPONSES.search(line)
        if said is None:
            return False
        if tells and tells.start() < said.end():
            self._expected = _NOTHING
        else:
            self._expect(line[: said.end()], b"" if tells else line)
        return True

    def _keep(self, message: bytes | Message) -> None:
        if len(self._first) < FIRST_EVENTS:
            self._first.append(message)
        else:
            self._last.append(message)
