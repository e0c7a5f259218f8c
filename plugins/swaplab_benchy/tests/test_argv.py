"""The command line: the fork's order to the letter, and never a key."""

from __future__ import annotations

from swaplab_benchy.argv import Outputs, arguments
from swaplab_benchy.options import Intelligence, LatencyMode, RunOptions
from swaplab_benchy.targets import Target

URL = "http://127.0.0.1:8080/v1"
TARGET = Target("qwen", "Qwen/Qwen3-8B", "Qwen/Qwen3-8B", trust_remote_code=False)


def line(options, outputs=None):
    return " ".join(arguments(URL, TARGET, options, outputs or Outputs()))


BASE = f"--base-url {URL} --model Qwen/Qwen3-8B --served-model-name qwen --tokenizer Qwen/Qwen3-8B --runs 5"


def test_a_plain_run():
    assert line(RunOptions(models=("qwen",))) == f"{BASE} --pp 512 2048 8192 --tg 32 128"


def test_a_run_with_every_switch():
    options = RunOptions(
        models=("qwen",),
        pp=(128,),
        tg=(16,),
        depth=(0, 4096),
        concurrency=(1, 4),
        latency_mode=LatencyMode.API,
        no_cache=True,
        no_warmup=True,
        adapt_prompt=False,
        enable_prefix_caching=True,
    )
    assert line(options) == (
        f"{BASE} --pp 128 --tg 16 --depth 0 4096 --concurrency 1 4 --latency-mode api --no-cache --no-warmup "
        "--no-adapt-prompt --enable-prefix-caching"
    )


def test_an_intelligence_run():
    wanted = Intelligence(("mmlu", "evalplus"), True, "/data", "/out", 8)
    options = RunOptions(models=("qwen",), pp=(128,), tg=(16,), adapt_prompt=True, intelligence=wanted)
    assert line(options, Outputs("/r.json", "/p.jsonl")) == (
        f"{BASE} --pp 128 --tg 16 --adapt-prompt --enable-intelligence --output-dir /out "
        "--intelligence-plugins mmlu evalplus --allow-code-exec --dataset-cache-dir /data --max-concurrent 8"
    )


def test_what_only_we_ask_for_comes_last():
    options = RunOptions(models=("qwen",), pp=(1,), tg=(1,), skip_coherence=True, exact_tg=True)
    assert line(options, Outputs("/r.json", "/p.jsonl", "book")) == (
        f"{BASE} --pp 1 --tg 1 --skip-coherence --exact-tg --exit-on-first-fail --save-result /r.json --format json "
        "--emit-progress /p.jsonl --book-url book"
    )
