from __future__ import annotations

import socket

from swaplab_core.testing.network import LOOPBACK, find_free_port


def test_a_free_port_can_be_listened_on():
    with socket.socket() as server:
        server.bind((LOOPBACK, find_free_port()))
        server.listen()


def test_the_fixture_gives_a_port_nobody_listens_on(free_port):
    with socket.socket() as client:
        assert client.connect_ex((LOOPBACK, free_port)) != 0
