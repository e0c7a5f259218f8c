"""Real reverse proxies in front of a daemon, below a prefix, configured as docs/howto/access.md says."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from running_swaplab import LOOPBACK, leased_ports

from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.require import require
from swaplab_core.testing.waiting import wait_until

PREFIX = "/models"

_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen {loopback}:{port};
        location {prefix}/ {{
            proxy_pass http://{loopback}:{upstream}/;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_read_timeout 1h;
            client_max_body_size 128m;
        }}
    }}
}}
"""

_HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
frontend front
    bind {loopback}:{port}
    default_backend swaplab
backend swaplab
    option forwardfor
    http-request replace-path {prefix}(/.*) \\1
    server one {loopback}:{upstream}
"""


def _argv(name: str, config: Path) -> tuple[str | Path, ...]:
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    found = require(name, program, f"install it, on Debian with: apt install {name}")
    if name == "nginx":
        return found, "-p", config.parent, "-e", "stderr", "-c", config
    return found, "-db", "-f", config


@contextlib.contextmanager
def running_proxy(name: str, upstream: int, folder: Path) -> Iterator[int]:
    """Run `nginx` or `haproxy` inside the block; gives its port."""
    with leased_ports(1) as ports:
        config, port = folder / f"{name}.conf", ports.start
        template = {"nginx": _NGINX, "haproxy": _HAPROXY}[name]
        values = {"folder": folder, "loopback": LOOPBACK, "port": port, "upstream": upstream, "prefix": PREFIX}
        config.write_text(template.format(**values))
        with running_process(_argv(name, config), folder / f"{name}.log"):
            wait_until(lambda: _listens(port), f"{name} on port {port}; {(folder / f'{name}.log').read_text()}")
            yield port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
