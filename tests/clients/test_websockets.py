"""The library `websockets` through swaplab, as clients of ComfyUI and of realtime engines use it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running_swaplab import Swaplab, running_swaplab, sim
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("websockets"), {"echo": sim()}, apiKeys=["sk-1"]) as swaplab:
        yield swaplab


def address(swaplab, path):
    return f"ws://127.0.0.1:{swaplab.port}{path}"


def test_messages_of_every_kind_and_size_come_back_and_the_model_was_loaded_for_them(swaplab):
    key = {"Authorization": "Bearer sk-1"}
    with connect(address(swaplab, "/upstream/echo/ws"), additional_headers=key, max_size=None) as socket:
        for message in ("Hi", "", "Zwölf 🙂", b"\x00\xff", b"x" * 3_000_000):
            socket.send(message)
            assert socket.recv(timeout=120) == message
        assert socket.ping().wait(120)
        socket.close(1000, "enough")
    assert socket.close_code == 1000


def test_a_client_without_a_key_or_a_model_is_refused_before_the_upgrade(swaplab):
    with pytest.raises(InvalidStatus) as nobody:
        connect(address(swaplab, "/upstream/echo/ws"))
    with pytest.raises(InvalidStatus) as nothing:
        connect(address(swaplab, "/upstream/gone/ws"), additional_headers={"Authorization": "Bearer sk-1"})

    assert (nobody.value.response.status_code, nothing.value.response.status_code) == (401, 404)
