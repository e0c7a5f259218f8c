"""One request on its way, and the answer on its way back: callbacks from socket to socket, no task unless one waits."""

from __future__ import annotations

import logging
import time
from typing import Protocol

from attrs import define, field

from swaplab_core.adapters.relay import (
    KnownHead,
    RawHeaders,
    UpstreamConnection,
    did_not_answer,
    died_in_the_middle,
    open_connection,
)
from swaplab_core.domain.errors import UpstreamDied, UpstreamError
from swaplab_core.runtime.inflight import Request
from swaplab_core.runtime.metering import Passed
from swaplab_core.runtime.tasks import spawn
from swaplab_core.server.express.answer import AnswerHead, answer_head
from swaplab_core.server.express.lane import Lane, Passable
from swaplab_core.server.inference.observation import CLIENT_LEFT, Observation, Whole

_log = logging.getLogger(__name__)


class Client(Protocol):
    """Who asked, as a passage sees it."""

    def write(self, data: bytes) -> bool:
        """Send; answers whether it reads too slowly, and then `resume` is called when it has caught up."""
        ...

    def ended(self) -> None:
        """The answer is whole."""
        ...

    def cut(self) -> None:
        """The answer never will be: let the client notice, after what was written."""
        ...

    def refused(self, error: UpstreamError) -> None:
        """There is no answer, but this to tell."""
        ...

    def go_the_long_way(self) -> None:
        """Nothing was done: begin anew."""
        ...


@define(eq=False)
class Passage:
    """The receiver of an upstream's answer. `leave` and `resume` are for the client's side."""

    lane: Lane
    client: Client
    passable: Passable
    entry: Request
    began: float
    _sent: float | None = field(default=None, init=False)
    _seen: Observation | None = field(default=None, init=False)
    _connection: UpstreamConnection | None = field(default=None, init=False)
    _head: AnswerHead | None = field(default=None, init=False)
    _unsent: bytes = field(default=b"", init=False)
    _status: int = field(default=0, init=False)
    _size: int | None = field(default=None, init=False)
    _chunked: bool = field(default=False, init=False)
    _is_over: bool = field(default=False, init=False)

    @classmethod
    def begin(cls, lane: Lane, client: Client, passable: Passable) -> Passage:
        """Send the request on its way."""
        admitted, now = passable.admitted, time.monotonic()
        try:
            headers = {**admitted.shown, "Content-Length": str(len(passable.body))}
            entry = lane.observer.inflight.add(
                passable.plan.model, "POST", admitted.path, headers, remote=admitted.client, cancel=client.cut
            )
            entry.metadata = lane.metadata(passable)
        except BaseException:
            lane.dispatcher.release(passable.lease)
            raise
        passage = cls(lane, client, passable, entry, now)
        kept = passable.road.way.pool.take()
        if kept is not None:
            passage._send_on(kept)
        else:
            spawn(passage._open(), name="open a connection")
        return passage

    # what the upstream's connection tells

    def head(self, status: int, headers: RawHeaders) -> None:
        """It answers."""
        self._status = status
        self._head = head = answer_head(status, headers)
        self._size = head.size
        self._unsent, self._chunked = head.data(self.lane.date.now(), head.size), head.chunked
        self.seen.meter.headers(status, head.content_type, head.content_encoding)
        self.seen.response_headers = head.shown
        self.lane.observer.inflight.head(self.entry, head.shown)

    def body(self, data: bytes, *, last: bool) -> None:
        """On to the client, in one write."""
        out = data
        if self._chunked:
            out = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            if last:
                out += b"0\r\n\r\n"
        if self._unsent:
            out, self._unsent = self._unsent + out, b""
        is_slow = self.client.write(out) if out else False
        if data:
            self.seen.chunk(data)
        if last:
            self._end("")
            self.client.ended()
        elif is_slow and self._connection is not None:
            self._connection.pause()

    def chunks(self, framed: bytes, data: bytes) -> None:
        """On to the client as they came."""
        out = framed if self._chunked else data
        if self._unsent:
            out, self._unsent = self._unsent + out, b""
        is_slow = self.client.write(out)
        self.seen.chunk(data)
        if is_slow and self._connection is not None:
            self._connection.pause()

    def whole(self, head: KnownHead, data: bytes) -> None:
        """It has answered, as it has before: all in one write."""
        answer, self._size = self.lane.answers.of(head), len(data)
        self._status, self._head = answer.status, answer
        self.client.write(answer.data(self.lane.date.now(), len(data)) + data)
        if answer.events or answer.content_encoding:
            self.seen.response_headers = answer.shown_with(len(data))
            self.seen.meter.headers(answer.status, answer.content_type, answer.content_encoding)
            self.seen.chunk(data)
            self._end("")
        else:
            self._end_whole(answer, data)
        self.client.ended()

    def broken(self, reason: str) -> None:
        """It does not, or no more."""
        connection, self._connection = self._connection, None
        if self._head is not None:
            self._break_off(reason)
        elif connection is not None and connection.served and not connection.heard:
            spawn(self._open(), name="open a connection")  # the kept one was dead: once more
        else:
            spawn(self._fail(did_not_answer(self.passable.road.destination, reason)), name="tell of a dead upstream")

    # what the client's connection tells

    def leave(self) -> None:
        """The client is gone."""
        if not self._is_over:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.abort()
            self._end(CLIENT_LEFT)

    def resume(self) -> None:
        """It has caught up."""
        if self._connection is not None:
            self._connection.resume()

    # small verbs

    @property
    def seen(self) -> Observation:
        """Who watches, from the first question on: an answer that comes whole needs nobody."""
        if self._seen is None:
            self._seen = seen = self.lane.observer.began(self.entry, self.passable.plan.read, self.began)
            seen.body = self.passable.body
            if self._sent is not None:
                seen.meter.sent(self._sent)
        return self._seen

    async def _open(self) -> None:
        try:
            connection = await open_connection(self.passable.road.way.pool, self.passable.road.destination)
        except UpstreamError as error:
            await self._fail(error)
            return
        if self._is_over:
            connection.abort()
        else:
            self._send_on(connection)

    def _send_on(self, connection: UpstreamConnection) -> None:
        body = self.passable.body
        self._connection, self._sent = connection, time.monotonic()
        if self._seen is not None:
            self._seen.meter.sent(self._sent)
        request = b"%b%d\r\n\r\n%b" % (self.passable.admitted.upstream, len(body), body)
        connection.begin(request, self, method="POST")

    async def _fail(self, error: UpstreamError) -> None:
        """No answer came. An engine that was dying when it was granted has not had the request: then anew."""
        if isinstance(error, UpstreamDied) and await self.lane.dispatcher.was_dying(self.passable.lease):
            if not self._is_over:
                self._is_over = True
                self.lane.observer.inflight.forget(self.entry)
                self.lane.dispatcher.release(self.passable.lease)
                self.client.go_the_long_way()
            return
        if not self._is_over:
            self.seen.refused(error)
            self._status = self.seen.meter.status
            self._end("")
            self.client.refused(error)

    def _break_off(self, reason: str) -> None:
        destination = self.passable.road.destination
        _log.warning("%s broke off in the middle of a response: %s", destination.name, reason)
        if self._head is not None and self._head.events:
            event = died_in_the_middle(destination)
            out = b"%x\r\n%b\r\n" % (len(event), event) if self._chunked else b""
            if out:
                self.client.write(self._unsent + out)
        self._end("")
        self.client.cut()

    def _end(self, problem: str) -> None:
        self._is_over, self._connection = True, None
        self.seen.end(problem)
        self._leave_road(time.monotonic())

    def _end_whole(self, answer: AnswerHead, data: bytes) -> None:
        self._is_over, self._connection = True, None
        passable, observer, now = self.passable, self.lane.observer, time.monotonic()
        assert self._sent is not None, "there is an answer"
        passed = Passed(answer.status, answer.content_type, data, self.began, self._sent, now)
        ended_at = observer.inflight.remove(self.entry)
        asker, read = passable.admitted.asker, passable.plan.read
        observer.came_whole(Whole(self.entry, asker, read, ended_at, passable.body, passed, answer.shown_with))
        self._leave_road(now)

    def _leave_road(self, now: float) -> None:
        self.lane.dispatcher.release(self.passable.lease)
        admitted, seconds = self.passable.admitted, now - self.began
        self.lane.access_log.note(admitted.logged, self._status, self._size, seconds)
