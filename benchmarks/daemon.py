"""How fast the daemon answers after its start, and what it keeps in memory, beside the least that aiohttp can do.

    python -m benchmarks.daemon [--rounds 7] [--json]

With every plugin that is installed. What can be compiled is compiled first, as in an installed wheel: a working copy is
not where PYTHONDONTWRITEBYTECODE is set. A round starts one after the other and asks `/health` without pause until it
is answered; the first round only warms up. CPU is what the process has spent until then. Memory is told when it has
been idle for a second, and again after its first request, whose row brings the database.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from benchmarks import peers as p
from swaplab_core.testing.network import LOOPBACK, find_free_port
from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.waiting import wait_until

SETTLED_SECONDS = 1.0


def compile_all() -> None:
    """Warm the one cache that counts."""
    folders = [p.HERE.parent / "swaplab_core", *p.HERE.parent.glob("plugins/*/swaplab_*")]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *folders], check=True)


def memory_mib(pid: int) -> float:
    """What is resident of a process."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def until_healthy(began: float, proxy: p.Proxy) -> dict[str, float]:
    """Seconds since `began`, and CPU seconds, when it answers."""
    wait_until(lambda: p.answers(proxy.port), f"{proxy.name} to answer")
    return {"start_s": time.perf_counter() - began, "start_cpu_s": proxy.cpu_seconds()}


@contextmanager
def started_swaplab(peers: p.Peers, folder: Path):
    """A daemon of one model."""
    port, config = find_free_port(), folder / "daemon.yaml"
    command = " ".join((*peers.upstream, "${PORT}"))
    config.write_text(json.dumps({"models": {p.MODEL: {"cmd": command, "concurrencyLimit": 1000}}}))
    argv = [Path(sys.executable).with_name("swaplab"), "serve", "--config", config, "--listen", f"{LOOPBACK}:{port}"]
    began = time.perf_counter()
    with running_process(argv, folder / "daemon.log") as process:
        proxy = p.Proxy("swaplab", port, process.pid)
        yield proxy, until_healthy(began, proxy)
        process.terminate(30)


@contextmanager
def started_bare(engine: int):
    """The control."""
    began = time.perf_counter()
    argv = [sys.executable, str(p.HERE / "controls" / "bare_aiohttp.py"), str(engine)]
    with p.running_announced("aiohttp", argv) as proxy:
        yield proxy, {"start_s": time.perf_counter() - began, "start_cpu_s": proxy.cpu_seconds()}  # it said so itself


def one_round(peers: p.Peers, folder: Path) -> dict[str, dict[str, float]]:
    """{subject: figures}."""
    with started_swaplab(peers, folder) as (swaplab, mine):
        time.sleep(SETTLED_SECONDS)
        mine["idle_mib"] = memory_mib(swaplab.pid)
        peers.run(swaplab, connections=1, requests=1)
        time.sleep(SETTLED_SECONDS)
        mine["used_mib"] = memory_mib(swaplab.pid)
        engine = int(json.loads(p.fetch(swaplab.port, "/api/models"))["models"][0]["base_url"].rpartition(":")[2])
        with started_bare(engine) as (bare, its):
            time.sleep(SETTLED_SECONDS)
            its["idle_mib"] = memory_mib(bare.pid)
    return {"swaplab": mine, "aiohttp": its}


def measure(rounds: int) -> dict[str, float]:
    """Medians, and the medians of the ratios within a round."""
    peers = p.find_peers()
    compile_all()
    with tempfile.TemporaryDirectory(prefix="swaplab-benchmark-") as folder:
        told = [one_round(peers, Path(folder)) for _ in range(rounds + 1)][1:]
    figures = {key: statistics.median(one["swaplab"][key] for one in told) for key in told[0]["swaplab"]}
    for key in told[0]["aiohttp"]:
        figures[f"{key}_vs_aiohttp"] = statistics.median(one["swaplab"][key] / one["aiohttp"][key] for one in told)
    return {key: round(value, 3) for key, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.rounds)
    if options.json:
        print(json.dumps(figures))
        return
    print("/health after {start_s} s ({start_s_vs_aiohttp} x bare aiohttp), CPU {start_cpu_s} s".format(**figures))
    print(
        "{idle_mib} MiB idle ({idle_mib_vs_aiohttp} x bare aiohttp), {used_mib} MiB after a request".format(**figures)
    )


if __name__ == "__main__":
    main()
