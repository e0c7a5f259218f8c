"""Twenty clients stream without pause while the file is rewritten thirty times, well and badly: none may notice."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from event_streams import decoded
from running_swaplab import Swaplab, config_text, sim

from swaplab_core.testing.waiting import wait_until

STEADY = ("one", "two", "three")
CLIENTS, REWRITES = 20, 30
TOKENS = 8


def models(edit: int) -> dict[str, dict[str, object]]:
    """The steady ones, and two that every edit changes: one launches differently, one only serves differently."""
    steady = {name: sim("--tokens", str(TOKENS), "--tokens-per-second", "20") for name in STEADY}
    return {"edited": sim("--say", f"edit {edit}"), **steady, "tuned": {**sim("--say", "tuned"), "ttl": 1000 + edit}}


GROUPS = {"all": {"swap": False, "members": [*STEADY, "edited", "tuned"]}}


def text(swaplab: Swaplab, edit: int) -> str:
    return config_text({"startPort": swaplab.ports.start, "groups": GROUPS, "models": models(edit)})


class Load:
    """Clients that stream one answer after the other until told to end."""

    def __init__(self, swaplab: Swaplab) -> None:
        self.swaplab, self.enough = swaplab, threading.Event()

    def stream(self, model: str) -> int:
        """How many whole answers one client got."""
        whole = 0
        while not self.enough.is_set():
            with self.swaplab.streaming(model) as response:
                assert response.status == 200, response.read()
                pieces = [event for event in decoded(response.read()) if event["choices"]]
            assert len(pieces) >= TOKENS
            whole += 1
        return whole

    def ask(self, model: str) -> int:
        """The same, with short answers."""
        return sum(self.swaplab.chat(model).status == 200 for _ in iter(self.enough.is_set, True))


def rewrites(swaplab: Swaplab) -> Iterator[str]:
    """Rewrite the file in one way after the other, and say how; the file is good at the end."""
    for number, kind in zip(range(REWRITES), itertools.cycle(["edit", "touched", "truncated", "edit", "invalid"])):
        good = text(swaplab, number)
        match kind:
            case "edit":
                swaplab.write_text(good)
            case "truncated":
                swaplab.config.write_text(good[: good.rindex("tuned")])
            case "touched":
                os.utime(swaplab.config)
            case "invalid":
                swaplab.write_text(good.replace('"ttl"', '"ttl": soon, "ttl"'))
        yield kind
    swaplab.write_text(text(swaplab, REWRITES))
    yield "edit"


OUTCOMES = {
    "edit": "[INFO] configuration reloaded: ",
    "truncated": "[ERROR] the configuration stays as it is",
    "invalid": "[ERROR] the configuration stays as it is",
    "touched": "[INFO] SIGHUP: looking",
}


def rewrite_all(swaplab: Swaplab) -> None:
    """Each rewrite with a signal, and what must come of it in the log before the next."""
    for kind in rewrites(swaplab):
        outcome, before = OUTCOMES[kind], swaplab.log().count(OUTCOMES[kind])
        swaplab.process.send(signal.SIGHUP)
        wait_until(lambda: swaplab.log().count(outcome) > before, f"{outcome} for a file that is {kind}")  # noqa: B023


def test_no_stream_breaks_nothing_starts_twice_and_every_steady_engine_keeps_its_process(serve):
    swaplab = serve(models(-1), groups=GROUPS)
    before = {name: swaplab.ask("POST", f"/api/models/load/{name}").json()["pid"] for name in (*STEADY, "tuned")}
    load = Load(swaplab)

    with ThreadPoolExecutor(CLIENTS + 2) as clients:
        streams = [clients.submit(load.stream, STEADY[number % 3]) for number in range(CLIENTS)]
        others = [clients.submit(load.ask, name) for name in ("edited", "tuned")]
        try:
            rewrite_all(swaplab)
        finally:
            load.enough.set()
        whole = [client.result() for client in streams]
        asked = [client.result() for client in others]

    assert min(whole) >= 1
    assert sum(whole) > CLIENTS, "streams ended and others began between the rewrites"
    assert min(asked) >= 1
    assert {name: swaplab.model(name)["pid"] for name in before} == before
    starts = swaplab.starts()
    assert {name: starts.count(name) for name in before} == dict.fromkeys(before, 1)
    assert swaplab.chat("edited").said == f"edit {REWRITES}"
    for note in swaplab.reloads():
        assert "replaced when idle edited" in note
        assert "adjusted tuned" in note
