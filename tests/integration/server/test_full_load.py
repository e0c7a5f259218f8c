"""Everything at once: load on every kind of inference with captures, activity in a file and listeners of events.

No row is lost, and when all is warm the memory stays as it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from statistics import fmean

import pytest
from load import Kind, Listener, Load
from memory import resident_mib
from running_swaplab import Swaplab, chat_body, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

WORDS = "word " * 200
MODELS = {
    "fast": sim("--silent"),
    "streams": sim("--silent", "--tokens", "40"),
    "slow": sim("--silent", "--tokens", "1000", "--tokens-per-second", "200"),
}
KINDS = (
    Kind("/v1/chat/completions", chat_body("fast", padding=WORDS)),
    Kind("/v1/chat/completions", chat_body("streams", stream=True)),
    Kind("/v1/embeddings", {"model": "fast", "input": WORDS}),
    Kind("/v1/messages", chat_body("streams", stream=True, max_tokens=40)),
    Kind("/upstream/fast/v1/chat/completions", chat_body("fast", padding=WORDS)),
    Kind("/v1/rerank", {"model": "nobody", "query": "q", "documents": ["d"]}),
    Kind("/v1/completions", {"model": "fast", "prompt": WORDS}),
    Kind("/v1/chat/completions", chat_body("slow", stream=True), leaves=True),
)
LISTENERS = ("/api/events",) * 2 + ("/api/events?topics=models,inflight,activity,profile,config",) * 3
WARM = 0.4
"""The part of the run in which everything fills up: captures, caches, histories."""


def run(swaplab: Swaplab, enough: Callable[[int], bool]) -> tuple[Load, list[Listener], list[float]]:
    """Load until it is enough; what was sent, who listened, and the memory, looked at twice a second."""
    load = Load(swaplab.url, KINDS)
    listeners = [Listener(swaplab.url, path) for path in LISTENERS]
    memory: list[float] = []

    async def look() -> None:
        while True:
            memory.append(resident_mib(swaplab.process.pid))
            await asyncio.sleep(0.5)

    async def scenario() -> None:
        others = [asyncio.ensure_future(each()) for each in (*(listener.run for listener in listeners), look)]
        await load.run(enough)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    asyncio.run(scenario())
    return load, listeners, memory


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [(400, 0.0), pytest.param(0, 60.0, marks=[pytest.mark.soak, pytest.mark.timeout(300)])],
    ids=["short", "a minute"],
)
def test_under_load_with_everything_on_no_row_is_lost_and_memory_stays_flat(tmp_path, requests, seconds):
    groups = {"all": {"swap": False, "members": list(MODELS)}}
    store = {"path": str(tmp_path / "activity.db")}
    limits = {name: {**entry, "concurrencyLimit": 100} for name, entry in MODELS.items()}
    with running_swaplab(tmp_path, limits, groups=groups, store=store, captureBuffer=1, executed=True) as swaplab:
        for model in MODELS:
            swaplab.chat(model, max_tokens=1)
        began, before = time.monotonic(), rows(swaplab)
        load, listeners, memory = run(swaplab, lambda sent: sent >= requests and time.monotonic() - began >= seconds)
        spent = time.monotonic() - began
        recorded = wait_until(lambda: (found := rows(swaplab) - before) >= load.sent and found, "all rows")

    warm = memory[int(len(memory) * WARM) :] or memory
    first, last = fmean(warm[: len(warm) // 4 + 1]), fmean(warm[-(len(warm) // 4 + 1) :])
    print(f"\n{load.sent} requests in {spent:.0f} s ({load.sent / spent:.0f}/s), answers {dict(load.statuses)}")
    print(f"{recorded} rows in the store; {sum(listener.bytes for listener in listeners)} bytes of events heard")
    print(
        f"memory: {memory[0]:.0f} MiB at first, {first:.1f} when warm, {last:.1f} at the end, {max(memory):.0f} at most"
    )
    assert recorded == load.sent
    assert set(load.statuses) == {200, 404}
    assert all(listener.bytes for listener in listeners)
    assert last - first < (5 if seconds else 30)


def rows(swaplab: Swaplab) -> int:
    return int(swaplab.ask("GET", "/api/metrics/activity?limit=1").json()["total"])
