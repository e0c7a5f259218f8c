"""Watching one request from its arrival to its end: in flight, metered, captured, counted and stored.

An `Observation` is the relay's tap. Nothing here is waited for: rows and captures are written after the request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from aiohttp import web
from attrs import define, evolve, field

from swaplab_core.config.schema import Config
from swaplab_core.domain.activity import SESSION_KEY
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.text import storable
from swaplab_core.plugin.usage import read_usage
from swaplab_core.routing.names import Local, Target
from swaplab_core.runtime.captures import CaptureCache, Raw
from swaplab_core.runtime.decoding import readable_encodings
from swaplab_core.runtime.inflight import InFlight, Request, redacted
from swaplab_core.runtime.metering import Measured, Meter, UsageReader
from swaplab_core.runtime.recorder import Recorder
from swaplab_core.server.errors import error_body, status_of
from swaplab_core.server.inference.access_log import client_address
from swaplab_core.server.metrics.counters import Metrics

CLIENT_LEFT = "the client left"
MOST_NAME = 200
"""Characters of a model's name that nobody knows."""


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
class Observer:
    """Makes an observation for each request. Only requests that post something become rows, as in llama-swap."""

    config: Callable[[], Config]
    usage_reader: Callable[[str], UsageReader]
    inflight: InFlight
    recorder: Recorder
    captures: CaptureCache
    metrics: Metrics

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
        return Observation(self, entry, Meter(time.monotonic(), read, self.captures.body_limit))

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
        entry = seen.entry
        row = measured.row(
            int(time.time()), entry.model, entry.path.partition("?")[0], entry.metadata, client_of(entry)
        )
        capture = None
        if self.captures.budget_bytes:
            capture = Raw(entry.method, entry.path, entry.headers, seen.body, seen.response_headers, measured)
        self.recorder.record(row, capture)
        first_token = None if measured.ttft_ms is None else measured.ttft_ms / 1000
        seconds = (measured.duration_ms - (measured.wait_ms or 0)) / 1000
        self.metrics.request_done(entry.model, measured.status, measured.usage, first_token, seconds)


def client_of(entry: Request) -> str:
    """Who asked: the address, and how the program calls itself, without its version's tail."""
    told = entry.headers.get("User-Agent")
    if told is None:
        told = next((value for name, value in entry.headers.items() if name.lower() == "user-agent"), "")
    program = told.partition(" ")[0][:MOST_NAME]
    return f"{entry.remote} {program}".strip()
