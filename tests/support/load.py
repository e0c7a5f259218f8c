"""Load for tests: many clients at once, each sending one request after the other, everything that is sent counted."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
from attrs import define, field, frozen


@frozen
class Kind:
    """One kind of request. `leaves`: the client goes when the answer has begun."""

    path: str
    body: Mapping[str, Any]
    leaves: bool = False


@define
class Load:
    """Clients of one server. They take turns through `kinds` until `enough` says so of the number of requests sent."""

    url: str
    kinds: Sequence[Kind]
    clients: int = 16
    sent: int = 0
    statuses: Counter[int] = field(factory=Counter)

    async def run(self, enough: Callable[[int], bool]) -> None:
        """Send, and return when every answer is there."""
        turns = itertools.cycle(self.kinds)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(self.url, connector=connector) as session, asyncio.TaskGroup() as clients:
            for _ in range(self.clients):
                clients.create_task(self._client(session, turns, enough))

    async def _client(
        self, session: aiohttp.ClientSession, turns: itertools.cycle[Kind], enough: Callable[[int], bool]
    ) -> None:
        while not enough(self.sent):
            kind = next(turns)
            self.sent += 1
            async with session.post(kind.path, json=kind.body) as answer:
                self.statuses[answer.status] += 1
                if kind.leaves:
                    await answer.content.readany()
                    answer.close()
                else:
                    await answer.read()


@define
class Listener:
    """Follows a stream of events and counts their bytes."""

    url: str
    path: str
    bytes: int = 0

    async def run(self) -> None:
        """Listen until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(self.url, timeout=timeout) as session, session.get(self.path) as stream:
            async for piece in stream.content.iter_any():
                self.bytes += len(piece)
