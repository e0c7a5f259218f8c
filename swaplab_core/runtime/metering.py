"""What one request took: tokens and speeds as the engine tells them, times by our own clock.

A Meter sees every chunk of a response on its way to the client, as it is, compressed or not. It changes none, delays
none and keeps little of it, whatever the response's size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from attrs import define, field

from swaplab_core.domain.activity import ActivityRow
from swaplab_core.domain.metering import Usage
from swaplab_core.plugin.usage import merge_usage, read_usage
from swaplab_core.runtime.error_text import MAX_CHARACTERS, error_text, message_in
from swaplab_core.runtime.response_body import PackedBody, ResponseBody, WholeBody
from swaplab_core.runtime.scanning import WHOLE_BYTES, EventScanner, Message
from swaplab_core.runtime.token_times import TokenTimes

EVENT_STREAM = "text/event-stream"
MOST_WAITING = 32
LARGE_BYTES = 4096
_LONGEST_MS = 1e12
_FAILED = int(HTTPStatus.BAD_REQUEST)  # a member of an enum takes half a microsecond to find
_NOTHING = Usage()

UsageReader = Callable[[Mapping[str, Any]], Usage | None]


@define
class Measured:
    """What a Meter found. Times are in milliseconds; None: not known.

    `duration_ms` is from the request's arrival to its end, or what the engine says if that is more; `ttft_ms` from its
    arrival to the first token of a stream; `wait_ms` from its arrival until an upstream was given it; `itl_ms` and
    `itl_p95_ms` are between tokens. `error_msg` says what went wrong, "" when nothing did. `body` is the decoded body
    if it was to be kept, was no larger than allowed and tells no error (the message has that); `is_decoded` is False
    when its coding could not be undone.
    """

    status: int
    content_type: str = ""
    usage: Usage = _NOTHING
    duration_ms: int = 0
    ttft_ms: float | None = None
    wait_ms: float | None = None
    itl_ms: float | None = None
    itl_p95_ms: float | None = None
    error_msg: str = ""
    body: bytes | None = None
    is_decoded: bool = True

    def row(
        self, created: int, model: str, req_path: str, metadata: Mapping[str, str], client: str = ""
    ) -> ActivityRow:
        """What is remembered of the request; `created` is the unix time in seconds at which it ended."""
        return ActivityRow(
            created,
            model,
            req_path,
            self.status,
            self.content_type,
            self.usage,
            self.duration_ms,
            self.ttft_ms,
            self.wait_ms,
            self.itl_ms,
            self.itl_p95_ms,
            self.error_msg,
            metadata,
            client=client,
        )


@define(eq=False)
class Meter:
    """Follows one request: `sent`, `headers` and `feed` as things happen, then `end` once, whatever happened.

    `started` and every `now` are seconds of one monotonic clock. `read` is the driver's reader of messages, which must
    not raise; what it does not understand is read as an OpenAI-compatible engine's. `keep_bytes` is the size of the
    largest decoded body to keep for a capture; 0 keeps none.

    Small chunks wait until 32 can be looked at together: between two of one stream come those of all others, and
    whatever is needed to look at one has left the processor's cache.
    """

    started: float
    read: UsageReader = read_usage
    keep_bytes: int = 0
    status: int = field(default=0, init=False)
    _content_type: str = field(default="", init=False)
    _sent: float | None = field(default=None, init=False)
    _body: ResponseBody | None = field(default=None, init=False)
    _tokens: TokenTimes | None = field(default=None, init=False)
    _waiting: list[bytes] = field(factory=list, init=False)
    _moments: list[float] = field(factory=list, init=False)

    def sent(self, now: float) -> None:
        """There is an upstream, and it is given the request."""
        self._sent = now

    def headers(self, status: int, content_type: str = "", content_encoding: str = "") -> None:
        """The head of the response; of several the last counts."""
        self._look()
        self.status, self._content_type = status, content_type
        events = None
        if _is_success(status) and EVENT_STREAM in content_type.lower():
            events, self._tokens = EventScanner(), self._tokens or TokenTimes()
        is_tunnel = status == HTTPStatus.SWITCHING_PROTOCOLS
        if is_tunnel:
            self._body = None
        elif content_encoding:
            self._body = PackedBody(events, self.keep_bytes, content_encoding)
        else:
            self._body = ResponseBody(events, self.keep_bytes)

    def feed(self, chunk: bytes, now: float) -> None:
        """Some bytes of the body, as they go to the client."""
        self._waiting.append(chunk)
        self._moments.append(now)
        if len(self._waiting) >= MOST_WAITING or len(chunk) > LARGE_BYTES:
            self._look()

    def end(self, now: float, error_msg: str = "") -> Measured:
        """Sum up. `error_msg` is what the caller knows to have gone wrong; it hides what the response says of that."""
        self._look()
        body, tokens = self._body, self._tokens
        if body is not None and tokens is not None and (last := body.end()):
            tokens.add(last, now)
        told = _Told() if body is None else _told(body, self.status, self.read)
        keeps = body is not None and self.status < _FAILED
        return Measured(
            self.status,
            self._content_type,
            told.usage,
            max(round((now - self.started) * 1000), told.engine_ms),
            tokens.first_ms(self.started) if tokens else None,
            None if self._sent is None else (self._sent - self.started) * 1000,
            tokens.mean_ms() if tokens else None,
            tokens.p95_ms() if tokens else None,
            (error_msg or told.error_msg)[:MAX_CHARACTERS],
            body.kept if body is not None and keeps else None,
            body is None or body.is_decoded,
        )

    def _look(self) -> None:
        """Look at the chunks that wait."""
        body, tokens, chunks, moments = self._body, self._tokens, self._waiting, self._moments
        if not chunks:
            return
        self._waiting, self._moments = [], []
        if body is None:
            return
        if len(chunks) > 1 and tokens is not None and body.take_usual(chunks):
            tokens.add_each(moments)
            return
        for chunk, moment in zip(chunks, moments, strict=True):
            if said := body.feed(chunk):
                assert tokens is not None, "only events say something"
                tokens.add(said, moment)


@define(eq=False)
class Passed:
    """A request whose answer came at once, not packed and no event stream: what a Meter would have heard of it."""

    status: int
    content_type: str
    data: bytes
    started: float
    sent: float
    ended: float

    def measured(self, read: UsageReader, keep_bytes: int) -> Measured:
        """Sum up."""
        body = WholeBody(self.data, keep_bytes) if len(self.data) <= WHOLE_BYTES else self._large(keep_bytes)
        told, started = _told(body, self.status, read), self.started
        return Measured(
            self.status,
            self.content_type,
            told.usage,
            max(round((self.ended - started) * 1000), told.engine_ms),
            None,
            (self.sent - started) * 1000,
            None,
            None,
            told.error_msg[:MAX_CHARACTERS],
            body.kept if self.status < _FAILED else None,
        )

    def _large(self, keep_bytes: int) -> ResponseBody:
        body = ResponseBody(None, keep_bytes)
        body.feed(self.data)
        return body


@define
class _Told:
    """What a response says of itself."""

    usage: Usage = _NOTHING
    engine_ms: int = 0
    error_msg: str = ""


def _told(body: ResponseBody | WholeBody, status: int, read: UsageReader) -> _Told:
    if status >= _FAILED:
        return _Told(error_msg=error_text(status, body.whole or b""))
    told = _Told(error_msg=body.failure)
    if body.failure or not _is_success(status):
        return told
    for message in body.messages():
        if said := read(message) or read_usage(message):
            told.usage = said if told.usage is _NOTHING else merge_usage(told.usage, said)
        if "timings" in message:
            told.engine_ms = max(told.engine_ms, _engine_ms(message))
        error = message.get("error")
        if error is not None and not told.error_msg and isinstance(error, Mapping):
            told.error_msg = message_in({"error": error})
    return told


def _engine_ms(message: Message) -> int:
    """How long llama.cpp says it worked: a proxy before us may have hidden part of it."""
    timings = message.get("timings")
    if not isinstance(timings, Mapping):
        return 0
    parts = [timings.get("prompt_ms"), timings.get("predicted_ms")]
    return round(sum(part for part in parts if isinstance(part, int | float) and 0 <= part <= _LONGEST_MS))


def _is_success(status: int) -> bool:
    return 200 <= status < 300
