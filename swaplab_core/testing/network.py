"""Loopback addresses for tests."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"


CHOSEN = range(12_000, 20_000)
"""Below the ports that the system gives to whoever connects: one of those may be taken a moment later."""


def find_free_port(host: str = LOOPBACK) -> int:
    """A TCP port that was free a moment ago. Nothing holds it: start the server soon."""
    return next(port for port in random.SystemRandom().sample(CHOSEN, len(CHOSEN)) if _is_free(host, port))


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
