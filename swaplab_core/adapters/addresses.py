"""The addresses of this machine."""

from __future__ import annotations

import socket

import psutil

NAMES = frozenset({"", "local", "localhost", "127.0.0.1", "::1"})


def local_addresses() -> frozenset[str]:
    """Return every name and address that means this machine, as its interfaces are now."""
    found = {address.address.partition("%")[0] for addresses in psutil.net_if_addrs().values() for address in addresses}
    return NAMES | found | {socket.gethostname()}
