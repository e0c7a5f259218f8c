"""Requests as they go over the wire: any method, any header any number of times, nothing that a client would add."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
from collections.abc import Iterable
from typing import Any, Self

from attrs import define, field, frozen

from swaplab_core.testing.network import LOOPBACK

Headers = Iterable[tuple[str, str]]
SECONDS = 60.0
JSON = ("Content-Type", "application/json")
OWN = ("X-Swaplab", "1")


@frozen
class Heard:
    """The answer; the body of one that has no end is left out."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)


@define(eq=False)
class Wire:
    """Many requests over one connection, as long as the server keeps it. `host` is the Host that is sent."""

    port: int
    host: str = ""
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Heard:
        """Send one request."""
        connection = self._connection or http.client.HTTPConnection(LOOPBACK, self.port, timeout=SECONDS)
        self._connection = connection
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        names = [name.lower() for name, _ in headers]
        if "host" not in names:
            connection.putheader("Host", self.host or f"{LOOPBACK}:{self.port}")
        for name, value in headers:
            connection.putheader(name, value.encode())
        if body:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        heard = self._hear(connection)
        if "upgrade" in names:
            self.close()  # the server may take for something else what comes after it
        return heard

    def _hear(self, connection: http.client.HTTPConnection) -> Heard:
        response = connection.getresponse()
        has_end = response.length is not None
        heard = Heard(response.status, response.headers, response.read() if has_end else b"")
        if not has_end or response.will_close:
            response.close()
            self.close()
        return heard

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def raw(port: int, text: bytes) -> bytes:
    """Send these bytes and answer everything that comes back until the server hangs up."""
    with contextlib.closing(socket.create_connection((LOOPBACK, port), timeout=SECONDS)) as connection:
        connection.sendall(text)
        heard = b""
        while piece := connection.recv(65536):
            heard += piece
        return heard


def raw_status(port: int, text: bytes) -> int:
    """The status of what `raw` hears; 0 when there is no answer."""
    words = raw(port, text).split(b" ", 2)
    return int(words[1]) if len(words) > 1 else 0


def basic(password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()
