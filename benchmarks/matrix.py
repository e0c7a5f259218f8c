"""How long one decision of the matrix takes, and how much faster that is than trying every combination.

    python -m benchmarks.matrix [--decisions 500] [--live 8] [--seed 1] [--brute-force-limit 100000] [--json]

Every decision has another target and other live models, and none comes from the memo. Times are CPU time, so a busy
machine does not show in them. The ratio (more is better for us) compares with a scan of all combinations, multiplied
out in advance, where there are at most `--brute-force-limit` of them.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import chain, product
from operator import or_

from attrs import frozen

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.matrix import MatrixPolicy, compile_matrix


@frozen
class Case:
    """A matrix of sets that each choose one of every row: `rows` has the rows of each set."""

    title: str
    rows: list[list[list[str]]]

    @property
    def models(self) -> list[ModelId]:
        return [ModelId(name) for name in dict.fromkeys(chain.from_iterable(chain.from_iterable(self.rows)))]

    @property
    def combinations(self) -> int:
        return sum(math.prod(len(row) for row in rows) for rows in self.rows)

    def policy(self) -> MatrixPolicy:
        sets = {f"set-{n}": " & ".join(f"({' | '.join(row)})" for row in rows) for n, rows in enumerate(self.rows)}
        policy = compile_matrix(sets, {}, {}, self.models)
        assert isinstance(policy, MatrixPolicy), policy
        return policy

    def expanded(self) -> list[int]:
        """Every combination as bits, in the order of the models."""
        bit = {name: 1 << index for index, name in enumerate(self.models)}
        return [reduce(or_, (bit[name] for name in picked)) for rows in self.rows for picked in product(*rows)]


def rows_of(prefix: str, rows: int, choices: int) -> list[list[str]]:
    return [[f"{prefix}-{row}-{choice}" for choice in range(choices)] for row in range(rows)]


def cases() -> list[Case]:
    pool = [f"pool-{n}" for n in range(40)]
    return [
        Case("10^2 combinations", [rows_of("m", 2, 10)]),
        Case("10^4 combinations", [rows_of("m", 4, 10)]),
        Case("10^6 combinations", [rows_of("m", 6, 10)]),
        Case("1 000 models, 10^6 in the largest of 48 sets", [rows_of(f"s{n}", 2 if n else 6, 10) for n in range(48)]),
        Case("1 000 models in one set", [rows_of("m", 10, 100)]),
        Case("1 000 models that all fit together", [rows_of("m", 1000, 1)]),
        Case("any 2 of 40", [[pool, pool]]),
        Case("any 3 of 40", [[pool, pool, pool]]),
    ]


def questions(case: Case, live: int, count: int, seed: int) -> Iterator[tuple[ModelId, frozenset[ModelId]]]:
    random_ = random.Random(seed)
    for _ in range(count):
        target, *others = random_.sample(case.models, min(live + 1, len(case.models)))
        yield target, frozenset(others)


def brute_force(case: Case) -> Callable[[ModelId, frozenset[ModelId]], int]:
    """A decision by trying everything; answers what it costs."""
    bits = {name: 1 << index for index, name in enumerate(case.models)}
    expanded = case.expanded()

    def decide(target: ModelId, live: frozenset[ModelId]) -> int:
        wanted, running = bits[target], reduce(or_, (bits[model] for model in live), 0)
        return min((running & ~combination).bit_count() for combination in expanded if combination & wanted)

    return decide


def microseconds(call: Callable[..., object], *arguments: object) -> float:
    began = time.thread_time_ns()
    call(*arguments)
    return (time.thread_time_ns() - began) / 1000


def measure(case: Case, options: argparse.Namespace) -> dict[str, object]:
    asked = list(questions(case, options.live, options.decisions, options.seed))
    policy = case.policy()
    decisions = [microseconds(policy.decide, *question) for question in asked]
    median = statistics.median(decisions)
    row: dict[str, object] = {
        "case": case.title,
        "models": len(case.models),
        "combinations": case.combinations,
        "compile_us": round(microseconds(case.policy)),
        "median_us": round(median, 1),
        "p99_us": round(statistics.quantiles(decisions, n=100)[98], 1),
        "rivals_us": round(statistics.median(microseconds(policy.rivals, target) for target, _ in asked), 1),
        "brute_force_ratio": None,
    }
    if case.combinations <= options.brute_force_limit:
        decide = brute_force(case)
        some = asked[:20]
        assert all(policy.decide(*question).cost == decide(*question) for question in some)
        slow = statistics.median(microseconds(decide, *question) for question in some)
        row["brute_force_ratio"] = round(slow / median, 1)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=500)
    parser.add_argument("--live", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--brute-force-limit", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(case, options) for case in cases()]
    if options.json:
        print(json.dumps({"live": options.live, "decisions": options.decisions, "seed": options.seed, "rows": rows}))
        return
    print(f"{options.decisions} decisions each, {options.live} models live; times in µs")
    print(f"{'':45} {'combinations':>13} {'compile':>8} {'median':>8} {'p99':>8} {'rivals':>7} {'vs brute force':>15}")
    for row in rows:
        ratio = "-" if row["brute_force_ratio"] is None else f"{row['brute_force_ratio']} times"
        print(
            f"{row['case']:45} {row['combinations']:>13.3g} {row['compile_us']:>8} {row['median_us']:>8} "
            f"{row['p99_us']:>8} {row['rivals_us']:>7} {ratio:>15}"
        )


if __name__ == "__main__":
    main()
