"""All benchmarks in one run, one table and one file: what was measured, what it should be, and whether it is.

    python -m benchmarks [--json FILE] [--quick]

Each part can be run by itself (`python -m benchmarks.relay --help`, and watching, swap, daemon, waiting, fanout,
engine, reload, cluster_status, pages); what is a target here is said in docs/explanation/performance.md. `--quick`
shows that everything runs: its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import asdict, define

from benchmarks import daemon, fanout, relay, swap, waiting, watching
from swaplab_cluster.testing_sshd import find_sshd
from swaplab_core.testing.llama_server import ADVICE, find_llama_server

RATIOS = (("go", 1.0, 0.9), ("aiohttp", 0.7, 0.7))
"""The most that CPU may be of a rival's: for a small request, and for a chunk."""


@define
class Figure:
    """One line of the table. `most` is the target, None where there is none."""

    what: str
    value: float
    unit: str
    most: float | None = None

    @property
    def verdict(self) -> str:
        if self.most is None:
            return ""
        return "met" if self.value <= self.most else "MISSED"


def of_relay(told: dict) -> Iterator[Figure]:
    """Ratios to the rivals that were there, and the delays that are added."""
    rows = {(row["scenario"], row["subject"]): row for row in told["rows"]}
    for scenario in relay.SCENARIOS:
        mine = rows[scenario.name, "swaplab"]
        is_first = scenario.name.startswith("first token")
        for rival, small, chunk in RATIOS:
            if f"cpu_vs_{rival}" in mine and not is_first:
                most = chunk if mine["unit"] == "chunk" else small
                name = f"{scenario.name}: CPU per {mine['unit']}"
                yield Figure(name, mine[f"cpu_vs_{rival}"], f"x {rival}", most)
        if is_first:
            yield Figure(f"{scenario.name}: added, p50", mine["added_first_p50_us"] / 1000, "ms", 1.0)
    paced = relay.PACED.name
    if go := rows.get((paced, "go")):
        for quantile, most in (("p50", 1.2), ("p99", 3.0)):
            added = rows[paced, "swaplab"][f"added_delay_{quantile}_us"] / go[f"added_delay_{quantile}_us"]
            yield Figure(f"{paced}: added delay, {quantile}", added, "x go", most)


def of_watching(told: dict[str, float]) -> Iterator[Figure]:
    most: list[float | None] = [0.15, None]
    for (what, share), limit in zip(told.items(), most, strict=True):
        yield Figure(f"of a small request: {what}", share, "of its CPU", limit)


def of_swap(told: dict[str, float]) -> Iterator[Figure]:
    yield Figure("swap, from the request to the first byte", told["ratio"], "x shell script")
    yield Figure("swap: added to the shell script, median", told["added_ms"], "ms", 15.0)


def of_daemon(told: dict[str, float]) -> Iterator[Figure]:
    yield Figure("start until /health answers", told["start_s"], "s", 1.0)
    yield Figure("start until /health answers", told["start_s_vs_aiohttp"], "x aiohttp")
    yield Figure("memory, idle", told["idle_mib"], "MiB", 80.0 * 1e6 / 2**20)
    yield Figure("memory, idle", told["idle_mib_vs_aiohttp"], "x aiohttp")
    yield Figure("memory, after the first request", told["used_mib"], "MiB")


def of_waiting(told: dict[str, float]) -> Iterator[Figure]:
    what = f"{told['requests']} waiting requests, each"
    yield Figure(f"{what}: CPU", told["cpu_ms"], "ms")
    yield Figure(f"{what}: CPU", told["cpu_vs_a_tenth"], "x a tenth as many")
    yield Figure(f"{what}: memory", told["kib"], "KiB")


def of_fanout(told: dict[str, float]) -> Iterator[Figure]:
    yield Figure(f"an event for each of {told['listeners']} listeners: CPU", told["us_with_many"], "us")
    yield Figure(f"an event for each of {told['listeners']} listeners: CPU", told["many_vs_one"], "x one listener")


def of_engine(told: dict) -> Iterator[Figure]:
    for row in told["rows"]:
        name = f"engine step, {told['waiting']} waiting: {row['step']}"
        yield Figure(name, row["ratio_to_a_tenth_of_the_queue"], "x a tenth as many")


def of_reload(told: dict[str, float]) -> Iterator[Figure]:
    yield Figure("streams broken by reloads", told["broken"], "", 0)
    yield Figure("an edit among 1 000 models in force after, p99", told["edit_p99_ms"], "ms", 300)


def of_cluster(told: dict[str, float]) -> Iterator[Figure]:
    yield Figure("status of 32 machines, 8 silent, while they are looked at", told["stale_max_ms"], "ms", 80)
    yield Figure("a whole look at them", told["refresh_s"], "s", 14)


def script(name: str, *options: str) -> dict:
    """A benchmark that is a program of its own, in a fresh process."""
    argv = [sys.executable, str(Path(__file__).with_name(f"{name}.py")), "--json", *options]
    return json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)


def measure(*, quick: bool) -> dict:
    """{part: what it tells}."""
    server = find_llama_server()
    if server is None:
        print(f"no swaps: there is no llama-server: {ADVICE}", file=sys.stderr)
    told = {
        "relay": relay.run(1 if quick else 5, 1, set()),
        "watching": watching.run(1 if quick else 7, 1, watching.LOAD),
        "daemon": daemon.measure(1 if quick else 7),
        "waiting": waiting.measure(300 if quick else 10_000),
        "fanout": fanout.measure(10 if quick else 100, 500 if quick else 3000, 1 if quick else 3),
        "engine": script("engine", *(["--waiting", "400", "--steps", "200"] if quick else [])),
        "reload": script("reload", *(["--rewrites", "6", "--models", "100", "--edits", "2"] if quick else [])),
    }
    if find_sshd() is not None:
        told["cluster"] = script("cluster_status", *(["--asks", "10"] if quick else []))
    if server is not None:
        rounds = (3, 1) if quick else (30, 4)
        told["swap"] = swap.summary(*swap.measure(server.resolve(), *rounds))
    return told


READERS = {
    "relay": of_relay,
    "watching": of_watching,
    "swap": of_swap,
    "daemon": of_daemon,
    "waiting": of_waiting,
    "fanout": of_fanout,
    "engine": of_engine,
    "reload": of_reload,
    "cluster": of_cluster,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write everything there")
    parser.add_argument("--quick", action="store_true", help="a minute, and figures that mean nothing")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    told = measure(quick=options.quick)
    figures = [figure for part, read in READERS.items() if part in told for figure in read(told[part])]
    relay.show(told["relay"]["rows"])
    print(f"\n{os.cpu_count()} cores, load {load:.1f} before; engine and load generator: {told['relay']['peers']}\n")
    print(f"{'':60} {'':>9} {'':18} {'at most':>8}")
    for figure in figures:
        most = "" if figure.most is None else f"{figure.most:.3g}"
        print(f"{figure.what:60} {figure.value:>9.3g} {figure.unit:18} {most:>8} {figure.verdict}")
    if options.json:
        lines = [asdict(figure) | {"verdict": figure.verdict} for figure in figures]
        options.json.write_text(json.dumps({"cores": os.cpu_count(), "load": load, "figures": lines, **told}, indent=1))


if __name__ == "__main__":
    main()
