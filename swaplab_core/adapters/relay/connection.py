"""One connection to an upstream: HTTP/1.1 from the client's side, parsed in C, handed on as it comes.

A connection serves one exchange after the other. What it hears goes to the exchange's `Receiver` from within the loop's
callback, so a chunk of a stream costs no task switch. Bytes are bounded: a head, a trailer or a chunk's extensions that
do not end, end the connection.

Strict on purpose: an upstream whose answer could be read in two ways is cut off, never guessed at.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Protocol, cast

import httptools
from attrs import define, field

from swaplab_core.adapters.failures import describe_failure
from swaplab_core.adapters.relay.known import KnownHead, KnownHeads, RawHeaders
from swaplab_core.adapters.relay.pace import Pace
from swaplab_core.adapters.relay.plain import MOST_OF_HASTE, PlainChunks

MOST_SILENT_BYTES = 64 * 1024
"""As much may come without a byte of a body in it: heads, trailers, chunk extensions."""
_FIRST = b"HTTP/1."
_VERSIONS = frozenset({"1.0", "1.1"})
_LENGTH_SIZE, _CODING_SIZE = len("content-length"), len("transfer-encoding")
_HEAD_END = b"\r\n\r\n"
_CHUNKED = re.compile(rb"chunked", re.IGNORECASE)
_UNFIT_FOR_A_PHRASE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Receiver(Protocol):
    """Who wants an answer. After its last `body`, or `broken`, it hears nothing more; none of these may raise."""

    def head(self, status: int, headers: RawHeaders) -> None:
        """The head has come; interim answers (1xx) are not told. A `body` follows at once."""
        ...

    def body(self, data: bytes, *, last: bool) -> None:
        """What has come of the body, without its framing: may be nothing. `last`: the answer is whole."""
        ...

    def chunks(self, framed: bytes, data: bytes) -> None:
        """Instead of a `body` that is not the last: `framed` is the same in whole chunks, as it came."""
        ...

    def whole(self, head: KnownHead, data: bytes) -> None:
        """All of an answer at once, instead of `head` and `body`: its head is one that has come before."""
        ...

    def broken(self, reason: str) -> None:
        """The answer is not whole, and will not be. `reason` is for people."""
        ...


class Malformed(Exception):
    """The upstream sends what is no answer to this request."""


class Owner(Protocol):
    """Who keeps the connection."""

    def rested(self, connection: UpstreamConnection) -> None:
        """An exchange has ended, and the connection may serve another."""
        ...

    def waits(self, connection: UpstreamConnection) -> None:
        """It wants to `read_on` in a moment."""
        ...

    def lost(self, connection: UpstreamConnection) -> None:
        """It is closed."""
        ...


@define(eq=False)
class UpstreamConnection(asyncio.Protocol):
    """`heard` tells whether a byte of the present answer has come, `served` how many exchanges it has ended well."""

    owner: Owner
    known: KnownHeads = field(factory=KnownHeads)
    heard: bool = field(default=False, init=False)
    served: int = field(default=0, init=False)
    rested_at: float = field(default=0.0, init=False)
    _transport: asyncio.Transport | None = field(default=None, init=False)
    _receiver: Receiver | None = field(default=None, init=False)
    _parser: httptools.HttpResponseParser = field(init=False)
    _start: bytes = field(default=b"", init=False)
    _headers: RawHeaders = field(factory=list, init=False)
    _header_bytes: int = field(default=0, init=False)
    _silent_bytes: int = field(default=0, init=False)
    _pieces: list[bytes] = field(factory=list, init=False)
    on_body: Callable[[bytes], None] = field(init=False)
    """What the parser does with some bytes of the body: in a fast stream it finds nothing else."""
    _status: int = field(default=0, init=False)
    _told: bool = field(default=False, init=False)
    _complete: bool = field(default=False, init=False)
    _is_head: bool = field(default=False, init=False)
    _sending: bool = field(default=False, init=False)
    _until_closed: bool = field(default=True, init=False)
    _is_chunked: bool = field(default=False, init=False)
    _keep: bool = field(default=False, init=False)
    _plain: PlainChunks | None = field(default=None, init=False)
    _room: asyncio.Event | None = field(default=None, init=False)
    _pace: Pace = field(factory=Pace, init=False)
    _is_paused: bool = field(default=False, init=False)
    _unasked: int = field(default=0, init=False)
    _waits: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self.on_body = self._pieces.append

    # the exchange

    def begin(self, request: bytes, receiver: Receiver, *, method: str, more: bool = False) -> None:
        """Send a request, or with `more` its beginning, and let `receiver` hear the answer."""
        assert self._transport is not None
        assert self._receiver is None, "one exchange at a time"
        self._receiver = receiver
        self._is_head, self._sending, self._told, self.heard = method == "HEAD", more, False, False
        self._is_paused = False
        self._transport.write(request)

    async def send(self, data: bytes) -> None:
        """Some more of a request, as fast as the upstream takes it. Raises ConnectionResetError when it is gone."""
        if self._transport is None or not self._sending:
            raise ConnectionResetError("the upstream takes no more")
        self._transport.write(data)
        if self._room is not None:
            await self._room.wait()

    def sent(self) -> None:
        """The request is whole."""
        self._sending = False

    def pause(self) -> None:
        """Read no more for now: nobody takes it."""
        self._is_paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on, but not before the moment of a wait is over."""
        self._is_paused = False
        if self._transport is not None and not self._waits:
            self._transport.resume_reading()

    def read_on(self) -> None:
        """The moment is over."""
        self._waits = False
        if self._transport is not None and not self._is_paused:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Nobody wants the answer any more: the upstream shall notice, and stop working on it."""
        self._receiver = None
        self._close()

    @property
    def is_usable(self) -> bool:
        """Whether an exchange may begin."""
        return self._transport is not None and not self._transport.is_closing() and self._receiver is None

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # uvloop: at once, not when all that is ready has been read

    def data_received(self, data: bytes) -> None:
        """Parse, then tell; nothing is told from within the parser."""
        receiver, plain = self._receiver, self._plain
        if receiver is None:
            self._close()  # an answer that nobody asked for
        elif not self.heard:
            self._hear_first(receiver, data)
        else:
            if plain is None:
                self._hear(receiver, data)
            elif found := plain.only(data):
                receiver.chunks(data, found)
            else:
                self._hear_plain(receiver, plain, data)
            if self._unasked:
                self._unasked -= 1
            else:
                self._look_at_pace(receiver, len(data))

    def eof_received(self) -> None:
        """A body without a length ends so; anything else breaks off."""
        if self._receiver is not None and self._told and self._until_closed:
            self._complete = True
            self._hand_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by whomever."""
        self._transport = None
        if self._room is not None:
            self._room.set()
        self._break(describe_failure(exc) if exc is not None and str(exc) else "it closed the connection")
        self.owner.lost(self)

    def pause_writing(self) -> None:
        """The upstream reads slowly."""
        self._room = asyncio.Event()

    def resume_writing(self) -> None:
        """It has caught up."""
        if self._room is not None:
            self._room.set()
            self._room = None

    # what the parser finds

    def on_message_begin(self) -> None:
        """Of a second answer nobody wants to know."""
        if self._complete:
            raise Malformed("a second answer")

    def on_status(self, phrase: bytes) -> None:
        """The reason phrase, which goes nowhere."""
        if _UNFIT_FOR_A_PHRASE.search(phrase):
            raise Malformed("its reason phrase holds control characters")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer, which ends here."""
        if self._status:
            return
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MOST_SILENT_BYTES:
            raise Malformed("its headers are too large")
        self._headers.append((name, value))
        size = len(name)
        if size == _LENGTH_SIZE and name.lower() == b"content-length":
            self._until_closed = False
        elif size == _CODING_SIZE and name.lower() == b"transfer-encoding":
            if self._is_chunked or value.strip().lower() != b"chunked":
                raise Malformed("its transfer coding is not chunked")
            self._until_closed, self._is_chunked = False, True

    def on_headers_complete(self) -> None:
        """Judge the head, and how the body's end will be known."""
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self._headers, self._until_closed, self._is_chunked = [], True, False
            return
        self._check_head(status)
        self._status = status
        self._complete = self._is_head

    def on_message_complete(self) -> None:
        """The end, unless it was an interim answer."""
        if self._status:
            self._complete = True
            self._keep = self._parser.should_keep_alive()

    def _check_start(self, data: bytes) -> None:
        if len(self._start) < len(_FIRST):
            self._start = (self._start + data)[: len(_FIRST)]
            if not _FIRST.startswith(self._start):
                raise Malformed("it does not speak HTTP/1")

    def _check_head(self, status: int) -> None:
        if status < 200 or status > 999:
            raise Malformed(f"its status is {status}")
        if self._parser.get_http_version() not in _VERSIONS:
            raise Malformed("it does not speak HTTP/1")

    # small verbs

    def _hear_plain(self, receiver: Receiver, plain: PlainChunks, data: bytes) -> None:
        framed, found, rest = plain.split(data)
        if found:
            receiver.chunks(framed, found)
        if rest and self._receiver is receiver:
            self._plain = None
            self._hear(receiver, rest)

    def _look_at_pace(self, receiver: Receiver, size: int) -> None:
        if self._pace.is_hasty(size) and self._receiver is receiver:
            self._wait_a_moment()
        self._unasked = self._pace.unasked

    def _wait_a_moment(self) -> None:
        if self._transport is not None and not self._waits:
            self._waits = True
            if self._plain is not None:
                self._plain.most_together = MOST_OF_HASTE
            self._transport.pause_reading()
            self.owner.waits(self)

    def _expect_answer(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._start, self._headers, self._header_bytes, self._silent_bytes = b"", [], 0, 0
        self._status, self._complete, self._keep = 0, False, False
        self._until_closed, self._is_chunked, self._plain = True, False, None

    def _hear_first(self, receiver: Receiver, data: bytes) -> None:
        self.heard = True
        whole = None if self._is_head else self.known.whole(data)
        if whole is not None:
            self._rest(keep=True)
            receiver.whole(*whole)
            return
        self._expect_answer()
        end = data.find(_HEAD_END) + len(_HEAD_END)
        if end < len(_HEAD_END) or end == len(data) or _CHUNKED.search(data, 0, end) is None:
            self._hear(receiver, data, is_first=True)
            return
        self._hear(receiver, data[:end])
        if self._receiver is receiver:
            self.data_received(data[end:])

    def _hear(self, receiver: Receiver, data: bytes, *, is_first: bool = False) -> None:
        self._silent_bytes += len(data)
        try:
            if not self._told:
                self._check_start(data)
            self._parser.feed_data(data)
        except (httptools.HttpParserError, Malformed) as error:
            if not self._complete:
                self._break(_reason(error))
                return
            self._keep = False  # the answer is whole, and something came behind it
        if self._is_head and self._pieces:
            self._pieces.clear()  # a body where there is none
            self._keep = False
        if is_first and self._keep:
            self.known.learn(data, self._status, self._headers, b"".join(self._pieces))
        if self._status and not self._told:
            self._told = True
            if self._is_chunked and not self._pieces and not self._complete and data.endswith(_HEAD_END):
                self._plain = PlainChunks()
            receiver.head(self._status, self._headers)
            self._hand_on()
        elif self._pieces or self._complete:
            self._hand_on()
        elif self._silent_bytes > MOST_SILENT_BYTES:
            self._break("it sends framing without end")

    def _hand_on(self) -> None:
        receiver, pieces, self._silent_bytes = self._receiver, self._pieces, 0
        if receiver is None:
            return  # not wanted
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        if self._complete:
            self._rest(keep=self._keep)
        receiver.body(body, last=self._complete)

    def _rest(self, *, keep: bool) -> None:
        """First of all the connection is given back, so that whoever hears the last bytes finds it there."""
        self._receiver = None
        self.served += 1
        if keep and not self._sending:
            self.owner.rested(self)
        else:
            self._close()

    def _break(self, reason: str) -> None:
        receiver, self._receiver = self._receiver, None
        self._pieces.clear()
        self._close()
        if receiver is not None:
            receiver.broken(reason)

    def _close(self) -> None:
        self._sending = False
        if self._transport is not None:
            self._transport.abort()


def _reason(error: Exception) -> str:
    inner = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else error
    return f"it sends no valid HTTP: {inner}"
