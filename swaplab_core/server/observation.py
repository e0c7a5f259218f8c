"""Watching one request from its arrival to its end: in flight, metered, captured, counted and stored.

An `Observation` is the relay's tap. Nothing here is waited for: rows and captures are written after the request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from aiohttp import web
from attrs import define, field

from swaplab_core.config.schema import Config
from swaplab_core.domain.activity import SESSION_KEY
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.plugin.usage import read_usage
from swaplab_core.routing.names import Local, Target
from swaplab_core.runtime.captures import CaptureCache, make_capture
from swaplab_core.runtime.decoding import readable_encodings
from swaplab_core.runtime.inflight import InFlight, Request, redacted
from swaplab_core.runtime.metering import Measured, Meter, UsageReader
from swaplab_core.runtime.recorder import Recorder
from swaplab_core.server.access_log import client_address
from swaplab_core.server.errors import error_body, status_of
from swaplab_core.server.metrics import Metrics

CLIENT_LEFT = "the client left"


@define(eq=False)
class Observation:
    """A relay's tap for one request. `body` is what was sent upstream, for the capture."""

    inflight: InFlight
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
        self.response_headers = dict(headers)
        self.inflight.head(self.entry, redacted(headers))

    def chunk(self, data: bytes) -> None:
        """A piece of the body goes to the client."""
        self.meter.feed(data, time.monotonic())
        self.inflight.received(self.entry, len(data))

    def refused(self, error: SwaplabError) -> None:
        """No upstream answered: this is what the client is told instead."""
        status = status_of(error)
        self.meter.headers(status, "application/json")
        self.meter.feed(error_body(str(error), status, error.code), time.monotonic())


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
        read = self.usage_reader(target.model.backend) if isinstance(target, Local) else read_usage
        meter = Meter(time.monotonic(), read, self.captures.body_limit)
        headers, client = redacted(request.headers), client_address(request)
        with self.inflight.add(target.id, request.method, path, headers, client) as entry:
            entry.metadata.update(self._metadata(request, target, selector))
            seen = Observation(self.inflight, entry, meter)
            problem = ""
            try:
                yield seen
            except SwaplabError as error:
                seen.refused(error)
                raise
            except (asyncio.CancelledError, ConnectionError):
                problem = CLIENT_LEFT
                raise
            finally:
                if request.method == "POST":
                    self._record(request, seen, meter.end(time.monotonic(), problem))

    def _record(self, request: web.Request, seen: Observation, measured: Measured) -> None:
        entry = seen.entry
        row = measured.row(int(time.time()), entry.model, entry.path.partition("?")[0], entry.metadata)
        capture = None
        if self.captures.budget_bytes:
            capture = make_capture(
                method=entry.method,
                req_path=entry.path,
                req_headers=request.headers,
                req_body=seen.body,
                resp_headers=seen.response_headers,
                measured=measured,
            )
        self.recorder.record(row, capture)
        first_token = None if measured.ttft_ms is None else measured.ttft_ms / 1000
        self.metrics.request_done(entry.model, measured.status, measured.usage, first_token)

    def _metadata(self, request: web.Request, target: Target, selector: str) -> Iterator[tuple[str, str]]:
        config = self.config()
        priority = config.routing.scheduler.settings.fifo.priority.get(target.id, 0)
        yield "fifo_priority", str(priority)
        if selector:
            yield "selector", selector
        for name in config.ui.activity.session_id:
            if session := request.headers.get(name):
                yield SESSION_KEY, session
                return
