"""The address the server listens on, and free ports for engines."""

from __future__ import annotations

import ipaddress
import random
import socket

from attrs import frozen

from swaplab_core.domain.errors import SwaplabError

ENGINE_PORTS = range(12_000, 20_000, 20)
"""Far from where people put servers, and below the ports that systems hand out; a step is room for a few engines."""


class BadAddress(SwaplabError):
    """The address to listen on cannot be used."""

    code = "bad-address"


@frozen
class Address:
    """Host and port; port 0 takes any free one. `has_tls`: only https is spoken there."""

    host: str
    port: int
    has_tls: bool = False

    @property
    def url(self) -> str:
        """What to type into a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - shown, not bound
        scheme = "https" if self.has_tls else "http"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Reachable from this machine only."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str) -> Address:
    """Read `host:port`, `[v6]:port`, `:port` (every interface, as llama-swap has it) or `port` (this machine)."""
    host, colon, port = text.rpartition(":")
    is_bare_v6 = ":" in host and not (host.startswith("[") and host.endswith("]"))
    if is_bare_v6 or not port.isdecimal() or int(port) > 65535:
        raise BadAddress(f"{text!r} is not an address to listen on", advice="write it like 127.0.0.1:8080")
    if not host:
        host = "0.0.0.0" if colon else "127.0.0.1"  # noqa: S104 - refused later unless the person insists
    return Address(host.strip("[]"), int(port))


def require_safe(address: Address, *, has_keys: bool, insecure: bool) -> None:
    """Refuse an address that others can reach without a key: they could load, unload and use the models."""
    if not (address.is_loopback or has_keys or insecure):
        raise BadAddress(
            f"{address.host}:{address.port} can be reached from other machines, and nothing asks them for a key",
            advice="set apiKeys in the configuration, or say --insecure if everybody there may use it",
        )


def find_free_ports(count: int) -> int:
    """The first of some ports in a row that nobody on this machine listens on, nor another demo is likely to choose."""
    starts = random.sample(ENGINE_PORTS, len(ENGINE_PORTS))
    return next((start for start in starts if all(map(_is_free, range(start, start + count)))), ENGINE_PORTS.start)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
