"""How long one engine step takes with a long queue: 2 000 requests waiting over 200 models, all rivals.

    python -m benchmarks.engine [--models 200] [--waiting 2000] [--steps 2000] [--json]

Prints the median and p99 of each kind of step, and the ratio to the same step with a tenth of the queue: a step that is
linear in the queue would show 10, one that is quadratic 100.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time

from swaplab_core.domain.ids import ModelId, TicketId
from swaplab_core.engine import Limits, SwapEngine, plan
from swaplab_core.engine import effects as e
from swaplab_core.engine import facts as f
from swaplab_core.engine.groups import group_policy


def filled(models: int, waiting: int) -> tuple[SwapEngine, list[ModelId], int]:
    """An engine whose first model is ready and busy while `waiting` requests queue for the others."""
    names = [ModelId(f"model-{n:04}") for n in range(models)]
    engine = SwapEngine.build(group_policy((), names), {name: Limits(concurrency=waiting) for name in names})
    (start,) = engine.step(f.Requested(TicketId(0), names[0]))
    assert isinstance(start, e.StartUpstream)
    engine.step(f.UpstreamReady(names[0], start.incarnation))
    for ticket in range(1, waiting + 1):
        engine.step(f.Requested(TicketId(ticket), names[1 + ticket % (models - 1)]))
    return engine, names, waiting + 1


def measure(models: int, waiting: int, steps: int, seed: int) -> dict[str, list[float]]:
    """Microseconds of each step of a random walk: a request joins, a waiting one leaves, a warm one is served."""
    engine, names, ticket = filled(models, waiting)
    random_ = random.Random(seed)
    times: dict[str, list[float]] = {"join": [], "leave": [], "warm request": [], "warm release": [], "plan": []}

    def timed(kind: str, call, *arguments):
        began = time.perf_counter_ns()
        call(*arguments)
        times[kind].append((time.perf_counter_ns() - began) / 1000)

    for step in range(steps):
        ticket += 1
        timed("join", engine.step, f.Requested(TicketId(ticket), random_.choice(names[1:])))
        timed("leave", engine.step, f.Released(TicketId(ticket)))
        timed("warm request", engine.step, f.Requested(TicketId(-ticket), names[0]))
        timed("warm release", engine.step, f.Released(TicketId(-ticket)))
        if step % 100 == 0:
            timed("plan", plan, engine, names[1])
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--waiting", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    full = measure(options.models, options.waiting, options.steps, options.seed)
    tenth = measure(options.models, options.waiting // 10, options.steps, options.seed)
    rows = [
        {
            "step": kind,
            "median_us": round(statistics.median(values), 1),
            "p99_us": round(statistics.quantiles(values, n=100)[98], 1),
            "ratio_to_a_tenth_of_the_queue": round(statistics.median(values) / statistics.median(tenth[kind]), 2),
        }
        for kind, values in full.items()
    ]
    if options.json:
        print(json.dumps({"models": options.models, "waiting": options.waiting, "rows": rows}))
        return
    print(f"{options.waiting} requests waiting over {options.models} models")
    print(f"{'step':14} {'median µs':>10} {'p99 µs':>10} {'vs a tenth of the queue':>24}")
    for row in rows:
        print("{step:14} {median_us:>10} {p99_us:>10} {ratio_to_a_tenth_of_the_queue:>24}".format(**row))


if __name__ == "__main__":
    main()
