"""Watching one request from its arrival to its end: in flight, metered, captured, counted and stored.

An `Observation` is the relay's tap. Nothing here is waited for: rows and captures are written after the request. What
came whole (`Whole`) is even looked at later, some dozens at once: one after the other they take less than each alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from aiohttp import web
from attrs import define, evolve, field

from swaplab_core.config.schema import Config
from swaplab_core.domain.activity import SESSION_KEY, ActivityRow
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.text import storable
from swaplab_core.plugin.usage import read_usage
from swaplab_core.ports import Timer
from swaplab_core.routing.names import Local, Target
from swaplab_core.runtime.captures import CaptureCache, Raw
from swaplab_core.runtime.decoding import readable_encodings
from swaplab_core.runtime.inflight import InFlight, Request, redacted
from swaplab_core.runtime.metering import Measured, Meter, Passed, UsageReader
from swaplab_core.runtime.recorder import Recorder
from swaplab_core.server.errors import error_body, status_of
from swaplab_core.server.inference.access_log import client_address
from swaplab_core.server.metrics.counters import Metrics

CLIENT_LEFT = "the client left"
MOST_NAME = 200
"""Characters of a model's name that nobody knows."""
SETTLED_AT_ONCE = 32
SETTLED_WITHIN_SECONDS = 0.02


@define(eq=False)
class Observation:
    """A relay's tap for one request. `body` is what was sent upstream, for the capture."""

    observer: Observer
    entry: Request
    meter: Meter
    body: bytes | None = None
    response_headers: Mapping[str, str] = field(factory=dict)

    @property
    def body_limit(self) -> int:
        """The largest body that is kept for a capture; 0 when none is."""
        return self.meter.keep_bytes

    def sent(self, headers: MutableMapping[str, str]) -> None:
        """The request goes to its upstream, which may only answer in an encoding that can be metered."""
        if "Accept-Encoding" in headers:
            headers["Accept-Encoding"] = readable_encodings(headers["Accept-Encoding"])
        self.meter.sent(time.monotonic())

    def head(self, status: int, headers: Mapping[str, str], /) -> None:
        """The head of the answer has come."""
        self.meter.headers(status, headers.get("Content-Type", ""), headers.get("Content-Encoding", ""))
        self.response_headers = redacted(headers)
        self.observer.inflight.head(self.entry, self.response_headers)

    def chunk(self, data: bytes) -> None:
        """A piece of the body goes to the client."""
        self.meter.feed(data, time.monotonic())
        self.entry.response_bytes += len(data)

    def refused(self, error: SwaplabError) -> None:
        """No upstream answered: this is what the client is told instead."""
        status = status_of(error)
        self.meter.headers(status, "application/json")
        self.meter.feed(error_body(str(error), status, error.code), time.monotonic())

    def end(self, problem: str = "") -> None:
        """It is over; `problem` is what went wrong, as far as the answer does not tell. Once, whatever happened."""
        self.observer.inflight.remove(self.entry)
        if self.entry.method == "POST":
            self.observer.record(self, self.meter.end(time.monotonic(), problem))


@define(eq=False)
class Whole:
    """A request that has ended, whose answer came in one piece: of what it tells, nothing has been looked at.

    `client` is who asked, for the row; `ended_at` is unix time, `body` what was sent upstream.
    """

    entry: Request
    client: str
    read: UsageReader
    ended_at: float
    body: bytes
    passed: Passed
    headers: Callable[[int], Mapping[str, str]]
    """Those of the answer, for its length."""

    def row(self, measured: Measured) -> ActivityRow:
        """What is remembered of it."""
        entry = self.entry
        return measured.row(int(self.ended_at), entry.model, path_of(entry), entry.metadata, self.client)

    def raw(self, measured: Measured) -> Raw:
        """Its capture."""
        entry, headers = self.entry, self.headers(len(self.passed.data))
        return Raw(entry.method, entry.path, entry.headers, self.body, headers, measured)


@define(eq=False)
class Observer:
    """Makes an observation for each request. Only requests that post something become rows, as in llama-swap."""

    config: Callable[[], Config]
    usage_reader: Callable[[str], UsageReader]
    inflight: InFlight
    recorder: Recorder
    captures: CaptureCache
    metrics: Metrics
    _waiting: deque[Whole] = field(factory=deque, init=False)
    _timer: Timer | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Who reads what was recorded, or counted, gets all of it."""
        self.recorder.gather = self.metrics.gather = self.settle

    @contextmanager
    def observe(self, request: web.Request, target: Target, path: str, *, selector: str = "") -> Iterator[Observation]:
        """Watch until the block ends, however it ends. `selector` is the one that chose `target`, "" without one."""
        task, read = asyncio.current_task(), self.reader(target)  # a plugin that is not there, before anything is begun
        assert task is not None, "handlers run in tasks"
        headers, client = redacted(request.headers), client_address(request)
        entry = self.inflight.add(target.id, request.method, path, headers, remote=client, cancel=task.cancel)
        entry.metadata = self.metadata(request.headers, target, selector)
        seen, problem = self.begin(entry, read), ""
        try:
            yield seen
        except SwaplabError as error:
            seen.refused(error)
            raise
        except (asyncio.CancelledError, ConnectionError):
            problem = CLIENT_LEFT
            raise
        finally:
            seen.end(problem)

    def nobody_serves(self, request: web.Request, model: str, path: str, error: SwaplabError) -> None:
        """Record a request whose model is unknown, or switched off; not counted, for it may name anything."""
        if request.method == "POST":
            now = time.monotonic()
            measured = evolve(Meter(now).end(now, str(error)), status=status_of(error).value)
            name = storable(model)[:MOST_NAME]
            self.recorder.record(measured.row(int(time.time()), name, path.partition("?")[0], {}))

    def begin(self, entry: Request, read: UsageReader) -> Observation:
        """Watch what is in flight already, until its `end`."""
        return self.began(entry, read, time.monotonic())

    def began(self, entry: Request, read: UsageReader, started: float) -> Observation:
        """The same, when it has been under way for a moment: since `started`, of `time.monotonic`."""
        return Observation(self, entry, Meter(started, read, self.captures.body_limit))

    def reader(self, target: Target) -> UsageReader:
        """Who understands what the target tells of tokens."""
        return self.usage_reader(target.model.backend) if isinstance(target, Local) else read_usage

    def metadata(self, headers: Mapping[str, str], target: Target, selector: str = "") -> dict[str, str]:
        """What is remembered of a request beside what was measured."""
        config = self.config()
        priority = config.routing.scheduler.settings.fifo.priority.get(target.id, 0)
        told = {"fifo_priority": str(priority)}
        if selector:
            told["selector"] = selector
        session = next((value for name in config.ui.activity.session_id if (value := headers.get(name))), None)
        if session:
            told[SESSION_KEY] = session
        return told

    def record(self, seen: Observation, measured: Measured) -> None:
        """Remember what is over."""
        self.settle()  # what ended before comes before it
        entry = seen.entry
        row = measured.row(int(time.time()), entry.model, path_of(entry), entry.metadata, client_of(entry))
        raw = Raw(entry.method, entry.path, entry.headers, seen.body, seen.response_headers, measured)
        self._remember(row, raw, measured)

    def came_whole(self, whole: Whole) -> None:
        """Remember what is over, soon."""
        self._waiting.append(whole)
        if len(self._waiting) >= SETTLED_AT_ONCE:
            self.settle()
        elif self._timer is None:
            self._timer = self.inflight.clock.call_later(SETTLED_WITHIN_SECONDS, self._settle_in_time)

    def settle(self) -> None:
        """Look at what has come whole, and remember it."""
        limit = self.captures.body_limit
        while self._waiting:
            each = self._waiting.popleft()
            measured = each.passed.measured(each.read, limit)
            self._remember(each.row(measured), each.raw(measured), measured)

    def _settle_in_time(self) -> None:
        self._timer = None
        self.settle()

    def _remember(self, row: ActivityRow, raw: Raw, measured: Measured) -> None:
        self.recorder.record(row, raw if self.captures.budget_bytes else None)
        first_token = None if measured.ttft_ms is None else measured.ttft_ms / 1000
        seconds = (measured.duration_ms - (measured.wait_ms or 0)) / 1000
        self.metrics.request_done(row.model, measured.status, measured.usage, first_token, seconds)


def path_of(entry: Request) -> str:
    """The path without its query."""
    return entry.path.partition("?")[0]


def client_of(entry: Request) -> str:
    """Who asked: the address, and how the program calls itself, without its version's tail."""
    return client_name(entry.remote, entry.headers)


def client_name(remote: str, headers: Mapping[str, str]) -> str:
    """The same of an address and headers."""
    told = headers.get("User-Agent")
    if told is None:
        told = next((value for name, value in headers.items() if name.lower() == "user-agent"), "")
    program = told.partition(" ")[0][:MOST_NAME]
    return f"{remote} {program}".strip()
