"""Network namespaces for tests: machines whose network can be pulled. Needs root and Linux.

A hub, in which the test and its daemon run, and nodes, each joined to the hub by a bridge. Nothing in them has a
default route, so nothing can leave. A node is pulled by taking down its own end, which makes it silent.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import subprocess  # noqa: TID251 - the test kit drives processes from outside
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

CLONE_NEWNET = 0x40000000
HUB = "10.99.0.1"


def can_make_namespaces() -> str | None:
    """The path of `ip` when namespaces can be made here."""
    program = shutil.which("ip", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None or os.geteuid() != 0:
        return None
    name = f"swl{secrets.token_hex(3)}"
    made = subprocess.run([program, "netns", "add", name], capture_output=True, check=False)  # noqa: S603 - argv of our own
    if made.returncode != 0:
        return None
    subprocess.run([program, "netns", "del", name], check=False)  # noqa: S603 - argv of our own
    return program


@frozen
class Namespaces:
    """The hub and its nodes; nodes count from 0."""

    program: str
    mark: str
    count: int

    @property
    def hub(self) -> str:
        """The name of the hub."""
        return f"swl{self.mark}h"

    def name(self, node: int) -> str:
        """The name of a node's namespace."""
        return f"swl{self.mark}n{node}"

    def address(self, node: int) -> str:
        """The address of a node."""
        return f"10.99.0.{node + 2}"

    def prefix(self, node: int) -> tuple[str, ...]:
        """What goes before a command line that is to run on a node."""
        return (self.program, "netns", "exec", self.name(node))

    def pull(self, node: int) -> None:
        """Take the network of a node away."""
        self.ip("-n", self.name(node), "link", "set", "eth0", "down")

    def plug(self, node: int) -> None:
        """Give it back."""
        self.ip("-n", self.name(node), "link", "set", "eth0", "up")

    def ip(self, *arguments: str) -> None:
        """Run `ip`."""
        subprocess.run([self.program, *arguments], check=True, capture_output=True)  # noqa: S603 - argv of our own

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Be in the hub: this thread, and every process that it starts."""
        with Path("/proc/thread-self/ns/net").open() as home, Path(f"/var/run/netns/{self.hub}").open() as hub:
            _enter(hub.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def namespaces(program: str, count: int) -> Iterator[Namespaces]:
    """Make them, and take them away in the end, whatever happened."""
    spaces = Namespaces(program, secrets.token_hex(3), count)
    try:
        for arguments in _setup(spaces):
            spaces.ip(*arguments)
        yield spaces
    finally:
        for name in (*(spaces.name(node) for node in range(count)), spaces.hub):
            subprocess.run([program, "netns", "del", name], check=False, capture_output=True)  # noqa: S603 - argv of our own


def _setup(spaces: Namespaces) -> Iterator[Sequence[str]]:
    hub = spaces.hub
    yield ("netns", "add", hub)
    yield ("-n", hub, "link", "set", "lo", "up")
    yield ("-n", hub, "link", "add", "br0", "type", "bridge")
    yield ("-n", hub, "addr", "add", f"{HUB}/24", "dev", "br0")
    yield ("-n", hub, "link", "set", "br0", "up")
    for node in range(spaces.count):
        name, port = spaces.name(node), f"p{node}"
        yield ("netns", "add", name)
        yield ("-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        yield ("-n", hub, "link", "set", port, "master", "br0", "up")
        yield ("-n", name, "link", "set", "lo", "up")
        yield ("-n", name, "addr", "add", f"{spaces.address(node)}/24", "dev", "eth0")
        yield ("-n", name, "link", "set", "eth0", "up")
