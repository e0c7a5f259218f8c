"""An engine that answers every request with the bytes of a file, and then closes: for what no HTTP library sends.

Run as a program: `raw_upstream.py PORT FILE`. GET /health answers 200. A request body is read as far as it came.
Without FILE it dies of the first request.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"


def main(port: str, file: str = "") -> None:
    """Serve one connection after the other."""
    with socket.create_server(("127.0.0.1", int(port)), backlog=100) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                head = connection.recv(65536)
                if not head:
                    continue  # somebody only looked whether the port is taken
                is_probe = head.startswith(b"GET /health ")
                if not is_probe and not file:
                    os._exit(9)
                connection.sendall(HEALTHY if is_probe else Path(file).read_bytes())
                connection.shutdown(socket.SHUT_WR)
                connection.recv(65536)


if __name__ == "__main__":
    main(*sys.argv[1:])
