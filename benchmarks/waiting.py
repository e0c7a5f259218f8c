"""What a request costs that waits: thousands of them arrive while their model loads, and are served when it is there.

    python -m benchmarks.waiting [--requests 9000] [--json]

The engine's program sleeps before it is replaced by the engine, so that all of them wait. Prints CPU and memory of the
daemon for each, and the ratio of both to a tenth as many: what is linear shows 1. Every request must be answered.
Each needs two connections; the number is cut to what the limit of open files (`ulimit -Hn`) allows.
"""

from __future__ import annotations

import argparse
import json
import resource
import shlex
import sys
import tempfile
from pathlib import Path

from benchmarks import peers as p
from benchmarks.daemon import memory_mib
from benchmarks.swap import find_fixed_ports
from swaplab_core.testing.network import LOOPBACK, find_free_port
from swaplab_core.testing.real_process import running_process

LOAD_SECONDS = 8
SPARE_FILES = 500


def one_run(requests: int) -> dict[str, float]:
    """Send so many at once to a model that is not loaded."""
    peers = p.find_peers()
    with tempfile.TemporaryDirectory(prefix="swaplab-benchmark-") as name:
        folder = Path(name)
        script = f'sleep {LOAD_SECONDS}; exec {shlex.join(peers.upstream)} "$0"'
        model = {"cmd": f"{shlex.join(['sh', '-c', script])} ${{PORT}}", "concurrencyLimit": requests}
        config = folder / "config.yaml"
        config.write_text(json.dumps({"startPort": find_fixed_ports(1), "models": {p.MODEL: model}}))
        listen = f"{LOOPBACK}:{find_free_port()}"
        argv = [Path(sys.executable).with_name("swaplab"), "serve", "--config", config, "--listen", listen]
        with running_process(argv, folder / "log") as process:
            process.wait_for_output("serves at", deadline_seconds=60)
            swaplab = p.Proxy("swaplab", int(listen.rpartition(":")[2]), process.pid)
            before = memory_mib(process.pid)
            told = peers.run(swaplab, connections=requests, requests=requests)
            grown = memory_mib(process.pid) - before
            process.terminate(60)
    return {"ms": 1000 * told["cpu_seconds"] / requests, "kib": 1024 * grown / requests, "seconds": told["seconds"]}


def measure(wanted: int) -> dict[str, float]:
    """Figures of one request, and their ratios to a run with a tenth as many."""
    requests = min(wanted, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE_FILES) // 2)
    tenth, full = one_run(requests // 10), one_run(requests)
    return {
        "requests": requests,
        "seconds": round(full["seconds"], 2),
        "cpu_ms": round(full["ms"], 3),
        "cpu_vs_a_tenth": round(full["ms"] / tenth["ms"], 2),
        "kib": round(full["kib"], 1),
        "kib_vs_a_tenth": round(full["kib"] / tenth["kib"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.requests)
    if options.json:
        print(json.dumps(figures))
        return
    print(
        "{requests} requests waited for a load of {load} s; all were answered after {seconds} s".format(
            load=LOAD_SECONDS, **figures
        )
    )
    print(
        "each: CPU {cpu_ms} ms ({cpu_vs_a_tenth} x a tenth as many), {kib} KiB ({kib_vs_a_tenth} x)".format(**figures)
    )


if __name__ == "__main__":
    main()
