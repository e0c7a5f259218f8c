"""What it costs to tell many pages what happens: requests pass while so many listeners follow `/api/events`.

    python -m benchmarks.fanout [--listeners 100] [--requests 3000] [--rounds 3] [--json]

Prints the daemon's CPU for each event that a listener got, with one listener and with many, and their ratio: below 1,
what is written once is sent to all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from contextlib import suppress
from pathlib import Path

import aiohttp

from benchmarks import peers as p
from swaplab_core.testing.network import LOOPBACK

QUIET_SECONDS = 1.0


class Listener:
    """Counts events until it is cancelled."""

    def __init__(self) -> None:
        self.events, self.begun = 0, asyncio.Event()

    async def follow(self, session: aiohttp.ClientSession, port: int) -> None:
        async with session.get(f"http://{LOOPBACK}:{port}/api/events") as response:
            async for line in response.content:
                self.begun.set()
                self.events += line.startswith(b"data:")


async def one_round(peers: p.Peers, swaplab: p.Proxy, listeners: int, requests: int) -> float:
    """CPU microseconds for each event that somebody got, above what the requests cost without a listener."""
    alone = (await asyncio.to_thread(peers.run, swaplab, connections=8, requests=requests))["cpu_seconds"]
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout()
    ) as session:
        ears = [Listener() for _ in range(listeners)]
        tasks = [asyncio.create_task(ear.follow(session, swaplab.port)) for ear in ears]
        await asyncio.gather(*(ear.begun.wait() for ear in ears))
        await asyncio.sleep(QUIET_SECONDS)
        heard, spent = sum(ear.events for ear in ears), swaplab.cpu_seconds()
        await asyncio.to_thread(peers.run, swaplab, connections=8, requests=requests)
        await asyncio.sleep(QUIET_SECONDS)
        heard, spent = sum(ear.events for ear in ears) - heard, swaplab.cpu_seconds() - spent - alone
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
    return 1e6 * max(0.0, spent) / heard


def measure(listeners: int, requests: int, rounds: int) -> dict[str, float]:
    """Medians of the rounds, and of the ratios within a round; the first only warms up."""
    peers = p.find_peers()
    with (
        tempfile.TemporaryDirectory(prefix="swaplab-benchmark-") as folder,
        p.running_swaplab(peers, Path(folder)) as (swaplab, _),
    ):
        pairs = [
            [asyncio.run(one_round(peers, swaplab, count, requests)) for count in (1, listeners)]
            for _ in range(rounds + 1)
        ][1:]
    return {
        "listeners": listeners,
        "us_with_one": round(statistics.median(one for one, _ in pairs), 1),
        "us_with_many": round(statistics.median(many for _, many in pairs), 1),
        "many_vs_one": round(statistics.median(many / one for one, many in pairs if one), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listeners", type=int, default=100)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.listeners, options.requests, options.rounds)
    if options.json:
        print(json.dumps(figures))
        return
    print("CPU for each event that a listener gets: {us_with_one} us with one listener,".format(**figures), end=" ")
    print("{us_with_many} us with {listeners} ({many_vs_one} x)".format(**figures))


if __name__ == "__main__":
    main()
