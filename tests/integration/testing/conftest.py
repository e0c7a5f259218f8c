"""One request to a simulated engine that runs in the test's own event loop."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol

import aiohttp
import pytest
from attrs import frozen

from swaplab_core.testing.sim import SimOptions, running_sim

DEFAULTS = SimOptions()


@frozen
class Answer:
    """What came back; `body` is decoded as its Content-Encoding says."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The JSON of every `data:` line; "[DONE]" stays text."""
        lines = [line.removeprefix("data: ") for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]


class Ask(Protocol):
    def __call__(self, method: str, path: str, options: SimOptions = ..., **request: Any) -> Answer: ...


@pytest.fixture
def ask() -> Ask:
    """Start an engine, wait for its load, send one request."""

    async def exchange(method: str, path: str, options: SimOptions, request: dict[str, Any]) -> Answer:
        async with running_sim(options) as sim, aiohttp.ClientSession() as client:
            await sim.engine.loaded.wait()
            async with client.request(method, sim.base_url + path, **request) as response:
                return Answer(response.status, dict(response.headers), await response.read())

    def ask(method: str, path: str, options: SimOptions = DEFAULTS, **request: Any) -> Answer:
        return asyncio.run(exchange(method, path, options, request))

    return ask
