"""An engine that answers every request with the bytes it was given, and then closes: for what no HTTP library sends.

Run as a program: `raw_upstream.py PORT FILE`. GET /health answers 200. A request body is read as far as it came.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"


def main(port: str, file: str) -> None:
    """Serve one connection after the other."""
    reply = Path(file).read_bytes()
    with socket.create_server(("127.0.0.1", int(port)), backlog=100) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                head = connection.recv(65536)
                if head:  # none: somebody only looked whether the port is taken
                    connection.sendall(HEALTHY if head.startswith(b"GET /health ") else reply)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(65536)


if __name__ == "__main__":
    main(*sys.argv[1:])
