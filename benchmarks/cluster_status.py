"""How fast the status of 32 machines is answered, and how long a whole look at them takes.

    python -m benchmarks.cluster_status [--asks 200] [--json]

24 machines answer through real ssh (two sshd, twelve loopback addresses each), 8 are silent: the queues of their ports
are full. A whole look must take no longer than the slowest time limit; answers that are old already must come at once
while the next look is under way; and the daemon must answer other things meanwhile (its event loop is not held up).
Needs sshd and the account's permission to run it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from benchmarks.reload import running_daemon
from swaplab_cluster.looking import DIAL_SECONDS, PROBE_SECONDS
from swaplab_cluster.testing_sshd import find_sshd, prepare, public_key, run_sshd
from swaplab_core.testing.network import find_free_port

WELL, SILENT, SERVERS = 24, 8, 2
TARGETS = {"stale_max_ms": 80, "refresh_s": DIAL_SECONDS + PROBE_SECONDS}


def machines(folder: Path, stack: ExitStack) -> str:
    """Run them; answers their inventory."""
    program = find_sshd()
    if program is None:
        raise SystemExit("sshd is not installed (package openssh-server)")
    prepare(folder)
    port, known, lines = find_free_port(), [], ["nodes:"]
    addresses = [f"127.0.3.{number}" for number in range(1, WELL + 1)]
    each = WELL // SERVERS
    for first in range(0, WELL, each):
        group = addresses[first : first + each]
        stack.enter_context(
            run_sshd(folder, program, group[0], port, more=[f"ListenAddress {one}" for one in group[1:]])
        )
    for number, address in enumerate(addresses):
        known.append(f"[{address}]:{port} {public_key(folder / 'hostkey')}\n")
        lines.append(f"  - {{id: n{number}, data_ip: {address}, control_ip: {address}, ssh_port: {port}}}")
    for number in range(SILENT):
        address = f"127.0.4.{number + 1}"
        deaf = silent_port(address, stack)
        lines.append(f"  - {{id: s{number}, data_ip: {address}, control_ip: {address}, ssh_port: {deaf}}}")
    (folder / "known_hosts").write_text("".join(known))
    return "\n".join(lines) + "\n"


def silent_port(address: str, stack: ExitStack) -> int:
    """A port whose queue is full, so that connecting to it takes for ever."""
    listener = stack.enter_context(socket.create_server((address, 0), backlog=0))
    for _ in range(4):
        filler = stack.enter_context(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return int(listener.getsockname()[1])


def ask(url: str) -> tuple[float, dict[str, object]]:
    """Milliseconds, and the answer."""
    began = time.perf_counter()
    with urllib.request.urlopen(url) as response:
        body = json.load(response)
    return (time.perf_counter() - began) * 1000, body


def measure(url: str, asks: int) -> dict[str, float]:
    """Ask for a whole look, then for old answers while the next looks are under way."""
    first, _ = ask(f"{url}/api/cluster/status?force=1")
    again, body = ask(f"{url}/api/cluster/status?force=1")
    reached = body["reachableBySsh"]
    stale, other = [], []
    for _ in range(asks):
        stale.append(ask(f"{url}/api/cluster/status?allowStale=1")[0])
        other.append(ask(f"{url}/api/version")[0])
        time.sleep(0.02)
    return {
        "reached": float(str(reached)),
        "first_look_s": round(first / 1000, 2),
        "refresh_s": round(again / 1000, 2),
        "stale_median_ms": round(statistics.median(stale), 1),
        "stale_max_ms": round(max(stale), 1),
        "other_max_ms": round(max(other), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asks", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="figures for a program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="swaplab-benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "cluster-inventory.yaml").write_text(machines(folder, stack))
        cluster = {"sshIdentity": str(folder / "client"), "knownHosts": str(folder / "known_hosts")}
        text = json.dumps({"models": {}, "plugins": {"cluster": {**cluster, "collectSeconds": 0, "statusSeconds": 0}}})
        daemon, _ = stack.enter_context(running_daemon(folder, text))
        figures = measure(daemon.url, options.asks)
    if options.json:
        print(json.dumps(figures))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {figures['reached']:.0f} of {WELL + SILENT} reached")
    print("first look {first_look_s} s (connecting), a whole look {refresh_s} s".format(**figures))
    print(
        "old answers while looks are under way: median {stale_median_ms} ms, worst {stale_max_ms} ms".format(**figures)
    )
    print("other answers meanwhile: worst {other_max_ms} ms".format(**figures))
    missed = [f"{name} (at most {most})" for name, most in TARGETS.items() if figures[name] > most]
    print(f"missed: {', '.join(missed)}" if missed else "all targets are met")


if __name__ == "__main__":
    main()
