"""Enrolling: fetch a machine's host key, let a person compare it, pin it. And a node's entry in the inventory."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from swaplab_cluster.files import read_text, write
from swaplab_cluster.host_keys import HostKey, pinned, with_pin
from swaplab_core.domain.errors import NodeError

FETCH_SECONDS = 5.0


async def fetch_key(host: str, port: int) -> HostKey:
    """The host key that a machine shows. Raises NodeError."""
    return await asyncio.to_thread(_fetch, host, port)


def _fetch(host: str, port: int) -> HostKey:
    import paramiko  # noqa: PLC0415 - many megabytes, and most daemons never enrol anybody

    try:
        connection = socket.create_connection((host, port), timeout=FETCH_SECONDS)
    except OSError as error:
        raise NodeError(
            f"{host} port {port} cannot be reached: {error.strerror or error}", advice="see that sshd listens there"
        ) from error
    transport = paramiko.Transport(connection)
    transport.banner_timeout = FETCH_SECONDS
    try:
        transport.start_client(timeout=FETCH_SECONDS)
        key = transport.get_remote_server_key()
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise NodeError(
            f"{host} port {port} shows no host key: {error}", advice="see that sshd listens there"
        ) from error
    finally:
        transport.close()
    return HostKey(key.get_name(), key.asbytes())


def pinned_keys(known_hosts: Path, host: str, port: int) -> tuple[HostKey, ...]:
    """The keys that are pinned. Blocking."""
    return pinned(read_text(known_hosts), host, port)


def pin(known_hosts: Path, host: str, port: int, key: HostKey) -> None:
    """Pin this key and no other. Blocking. Raises InvalidRequest when the file cannot be written."""
    write(known_hosts, with_pin(read_text(known_hosts), host, port, key), mode=0o600)
