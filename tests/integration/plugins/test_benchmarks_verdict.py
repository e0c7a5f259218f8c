"""The verdict on measured speeds: real llama-benchy against real servers that write 100 and 90 tokens a second.

The two at 100 and the one at 90 are measured at the same time, so that what else this machine does hits all of them.
It takes minutes, and a machine that does not do too much else: `make nightly`. Every run of the tests judges what was
measured once, in the plugin's own `test_verdict.py`.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest
from attrs import frozen
from llama_benchy import llama_benchy

from swaplab_benchy import corpus
from swaplab_benchy.argv import Outputs, arguments
from swaplab_benchy.gguf import tokenizer_json
from swaplab_benchy.options import LatencyMode, RunOptions
from swaplab_benchy.results import Result, Samples, read_result
from swaplab_benchy.targets import Target
from swaplab_benchy.verdict import Verdict, compare, overall
from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.sim_process import running_sim_process

TOKENS, RUNS, COMPARISONS = 64, 5, 100
DIFFERENT = {Verdict.BETTER, Verdict.WORSE}
pytestmark = pytest.mark.xdist_group("benchmarks")


@frozen
class Pools:
    """Measurements of the two equal servers, and of the slower one."""

    hundred: Result
    again: Result
    ninety: Result


@pytest.fixture(scope="session")
def home(tmp_path_factory, tiny_gguf) -> Path:
    """A home with the text for prompts in it, and a tokenizer."""
    folder = tmp_path_factory.mktemp("verdicts")
    (folder / "tokenizer.json").write_bytes(orjson.dumps(tokenizer_json(tiny_gguf("Hello."))))
    cached = folder / ".cache" / "llama-benchy" / corpus.cache_name()
    cached.parent.mkdir(parents=True)
    cached.write_text(corpus.text())
    return folder


def measured(home: Path, name: str, speed: int, repetitions: int) -> Result:
    """One long run: many values of the same test."""
    options = RunOptions(
        models=("sim",), pp=(64,), tg=(TOKENS,), runs=repetitions, no_warmup=True, skip_coherence=True,
        adapt_prompt=False, latency_mode=LatencyMode.NONE,
    )  # fmt: skip
    target = Target("sim", "sim", str(home / "tokenizer.json"), trust_remote_code=False)
    result = home / f"{name}.json"
    how = ("--tokens-per-second", str(speed), "--tokens", str(TOKENS))
    with running_sim_process(*how, output_file=home / f"{name}.sim") as sim:
        argv = arguments(f"{sim.base_url}/v1", target, options, Outputs(str(result), "", corpus.BOOK))
        env = {**os.environ, "HOME": str(home), "HF_HUB_OFFLINE": "1"}
        with running_process([llama_benchy(), *argv], home / f"{name}.log", env=env) as process:
            assert process.wait(deadline_seconds=1500) == 0, process.output()
    return read_result(orjson.loads(result.read_bytes()))


def measure(home: Path, repetitions: int) -> Pools:
    speeds = {"hundred": 100, "again": 100, "ninety": 90}
    with ThreadPoolExecutor(len(speeds)) as threads:
        made = {name: threads.submit(measured, home, name, speed, repetitions) for name, speed in speeds.items()}
        return Pools(**{name: future.result() for name, future in made.items()})


def part(pool: Result, chosen: list[int]) -> Result:
    """A run of five, of the values of a long one."""
    [(point, metrics)] = pool.points.items()
    picked = {name: Samples(tuple(samples.values[at] for at in chosen)) for name, samples in metrics.items()}
    return Result(pool.version, pool.latency_ms, {point: picked})


def verdict(a: Result, b: Result) -> Verdict:
    return overall(found.verdict for found in compare(a, b, margin=0.05))


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_hundred_runs_after_each_other_are_called_worse_when_slower_and_not_different_when_equal(home):
    pools = measure(home, COMPARISONS * RUNS)
    blocks = [list(range(start, start + RUNS)) for start in range(0, COMPARISONS * RUNS, RUNS)]
    slower = [verdict(part(pools.hundred, block), part(pools.ninety, block)) for block in blocks]
    equal = [verdict(part(pools.hundred, block), part(pools.again, block)) for block in blocks]
    print(f"\nworse at 90: {slower.count(Verdict.WORSE)}, different at 100: {sum(e in DIFFERENT for e in equal)}")
    assert slower.count(Verdict.WORSE) >= 95
    assert sum(each in DIFFERENT for each in equal) <= 5
