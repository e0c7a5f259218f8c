"""A client that goes gives back what it held: its place in the queue, its lease, and the engine's work."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from running_swaplab import Swaplab, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

FOREVER = ("--tokens", "1000000", "--tokens-per-second", "20")


MODELS = {
    "busy": sim(*FOREVER),
    "other": sim("--say", "other"),
    "fast": sim("--tokens", "1000000", "--tokens-per-second", "2000"),
    "thinker": sim("--first-token-seconds", "600"),
    "slow": sim("--load-seconds", "0.5", "--say", "at last"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("clients"), MODELS) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Swaplab:
    return shared.renew()


def engine_state(swaplab: Swaplab, model: str) -> dict[str, int]:
    return swaplab.ask("GET", f"/upstream/{model}/sim/state").json()


def test_a_client_that_leaves_the_queue_gives_its_place_back(swaplab):
    with swaplab.streaming("busy"):
        with swaplab.waiting("other"):
            pass

        swaplab.wait_for("other", waiting=0)
    swaplab.wait_for("busy", serving=0)
    assert swaplab.model("busy")["state"] == "ready", "nobody waits for the other any more"
    assert swaplab.starts() == ["busy"]


def test_who_waits_behind_one_that_left_is_served(swaplab):
    with ThreadPoolExecutor() as clients:
        with swaplab.streaming("busy"), swaplab.waiting("other"):
            patient = clients.submit(swaplab.chat, "other")
            swaplab.wait_for("other", waiting=2)

        assert patient.result().said == "other"
    assert swaplab.starts() == ["busy", "other"]


def test_a_client_that_leaves_a_stream_ends_the_engines_work_and_frees_the_model(swaplab):
    with swaplab.streaming("busy") as response:
        response.readline()
        assert engine_state(swaplab, "busy")["running"] == 1

    swaplab.wait_for("busy", serving=0)
    wait_until(lambda: engine_state(swaplab, "busy")["running"] == 0, "the engine to stop generating")
    assert swaplab.chat("other").said == "other"


def test_a_client_that_leaves_before_the_first_byte_ends_the_engines_work(swaplab):
    with ThreadPoolExecutor() as clients:
        with socket.create_connection(("127.0.0.1", swaplab.port)) as client:
            body = b'{"model": "thinker", "stream": false}'
            client.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 37\r\n\r\n" + body
            )
            swaplab.wait_for("thinker", serving=1)
        swaplab.wait_for("thinker", serving=0)
        assert clients.submit(engine_state, swaplab, "thinker").result()["is_loaded"]


def test_a_client_that_leaves_while_the_model_loads_does_no_harm(swaplab):
    with swaplab.waiting("slow"):
        swaplab.wait_for("slow", state="starting")

    assert swaplab.chat("slow").said == "at last"
    assert swaplab.starts() == ["slow"]


def test_many_clients_that_come_and_go_leave_nothing_behind(swaplab):
    def come_and_go(number: int) -> None:
        if number % 3 == 0:
            with swaplab.streaming("busy") as response:
                response.readline()
        elif number % 3 == 1:
            with socket.create_connection(("127.0.0.1", swaplab.port)) as client:
                client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{")
        else:
            assert swaplab.chat("other").said == "other"

    with ThreadPoolExecutor(6) as clients:
        list(clients.map(come_and_go, range(18)))

    for model in ("busy", "other"):
        swaplab.wait_for(model, serving=0, waiting=0)


def test_a_client_that_leaves_a_fast_stream_is_no_error_in_the_log(swaplab):
    for _ in range(20):
        with swaplab.streaming("fast") as response:
            response.readline()

    swaplab.wait_for("fast", serving=0)
    assert "[ERROR]" not in swaplab.log()
