"""What of a small request's cost is the watching: swaplab as it is installed, beside itself without.

    python -m benchmarks.watching [--rounds 7] [--json FILE]

Three daemons take turns under the same load: one as it is installed, one without access log and metering, one that
stores neither rows nor captures either. Shares are of the CPU time of the first, medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import peers as p

LOAD = {"connections": 32, "requests": 6000}
UNWATCHED = p.HERE / "controls" / "unwatched.py"
LEFT_OUT = {"access log, metering": "metering", "those, rows and captures": "rows"}


def run(rounds: int, seed: int, load: dict[str, int]) -> dict[str, float]:
    """{what is left out: the share of the CPU time that goes with it}"""
    peers, shuffled = p.find_peers(), random.Random(seed)
    with ExitStack() as stack:
        subjects = {"": start(stack, peers, None)}
        subjects |= {
            name: start(stack, peers, [sys.executable, str(UNWATCHED), what]) for name, what in LEFT_OUT.items()
        }
        costs: dict[str, list[float]] = {name: [] for name in subjects}
        for number in range(rounds + 1):
            for name in shuffled.sample(list(subjects), len(subjects)):
                spent = peers.run(subjects[name], **load)["cpu_seconds"]
                if number:
                    costs[name].append(1e6 * spent / load["requests"])
    for name, each in costs.items():
        print(f"{'without ' + name if name else 'swaplab':40} {statistics.median(each):8.1f} µs a request")
    return {
        name: round(statistics.median(1 - less / all_ for less, all_ in zip(each, costs[""], strict=True)), 3)
        for name, each in costs.items()
        if name
    }


def start(stack: ExitStack, peers: p.Peers, program: list[str] | None) -> p.Proxy:
    """One of the daemons."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="swaplab-benchmark-")))
    return stack.enter_context(p.running_swaplab(peers, folder, program=program))[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="also write the shares there")
    options = parser.parse_args()
    shares = run(options.rounds, options.seed, LOAD)
    for name, share in shares.items():
        print(f"{name:40} {share:8.1%} of a small request")
    if options.json:
        options.json.write_text(json.dumps(shares, indent=1))


if __name__ == "__main__":
    main()
