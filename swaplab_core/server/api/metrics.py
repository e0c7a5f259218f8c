"""Everything that is counted, for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.engine.phases import Phase
from swaplab_core.plugin.interface import Backend
from swaplab_core.ports import HttpReader
from swaplab_core.runtime.performance import PerformanceMonitor
from swaplab_core.server.metrics.counters import CONTENT_TYPE, Metrics
from swaplab_core.server.metrics.engines import Engine, fetch
from swaplab_core.server.metrics.tallies import Standing
from swaplab_core.server.route import Endpoint, get
from swaplab_core.services.models.lifecycle import ModelState

YES = frozenset({"1", "true", "yes"})


class States(Protocol):
    """What is asked of the service `Models`."""

    def states(self) -> Iterable[ModelState]:
        """Every configured model."""
        ...


@define(eq=False)
class MetricsRoutes:
    """`/metrics`; with `?engines=true` also what ready engines tell of themselves, and none is woken for it."""

    metrics: Metrics
    monitor: PerformanceMonitor
    models: States
    http: HttpReader
    backends: Mapping[str, Backend]

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/metrics", Policy.READ, self.page)]

    async def page(self, request: web.Request) -> web.Response:
        """Prometheus' text format."""
        wants_engines = request.query.get("engines", "").lower() in YES
        engines = await fetch(self.http, self._ready_engines()) if wants_engines else b""
        standings = [Standing(s.config.id, s.phase, s.serving, s.waiting) for s in self.models.states()]
        latest = self.monitor.latest(datetime.now(UTC))
        self.metrics.gather()
        body = await asyncio.to_thread(self.metrics.render, standings, latest, engines)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    def _ready_engines(self) -> list[Engine]:
        ready = (state for state in self.models.states() if state.phase is Phase.READY and state.base_url)
        return [Engine(s.config.id, s.base_url, self.backends[s.config.backend].metrics_path) for s in ready]
