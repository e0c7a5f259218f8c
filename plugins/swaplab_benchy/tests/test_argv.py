"""The command line: Swap Laboratories' to the byte as the runner reads it, and without the key as others can."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from swaplab_benchy.argv import Outputs, arguments
from swaplab_benchy.options import Intelligence, LatencyMode, RunOptions
from swaplab_benchy.surroundings import SHIM_FOLDER
from swaplab_benchy.targets import Target

KEY = "secret-key"
URL, LOCAL = "http://127.0.0.1:8081/v1", "http://localhost:8080/v1"
HUB = Target("served-model", "hf/model", "hf/model", trust_remote_code=False)
PLAIN = Target("model-a", "model-a", "tok-a", trust_remote_code=False)
NAMES = "--base-url http://localhost:8080/v1 --model model-a --served-model-name model-a --tokenizer tok-a"

REQUIRED = RunOptions(models=("m",), pp=(512, 2048), tg=(32,))
OPTIONAL = RunOptions(
    models=("m",),
    pp=(1024,),
    tg=(64, 128),
    depth=(0, 512),
    concurrency=(1, 2, 4),
    runs=3,
    latency_mode=LatencyMode.GENERATION,
    no_cache=True,
    no_warmup=True,
    adapt_prompt=False,
    enable_prefix_caching=True,
)
SUITES = RunOptions(
    models=("m",),
    pp=(2048,),
    tg=(32,),
    runs=2,
    intelligence=Intelligence(("mmlu", "arc-c", "gsm8k"), False, "/tmp/bench-cache", "/tmp/bench-runs", 12),
)
REQUIRED_LINE = (
    "--base-url http://127.0.0.1:8081/v1 --model hf/model --served-model-name served-model --tokenizer hf/model "
    "--runs 5 --pp 512 2048 --tg 32"
)
OPTIONAL_LINE = (
    f"{NAMES} --runs 3 --pp 1024 --tg 64 128 --depth 0 512 --concurrency 1 2 4 --latency-mode generation "
    "--no-cache --no-warmup --no-adapt-prompt --enable-prefix-caching"
)
SUITES_LINE = (
    f"{NAMES} --runs 2 --pp 2048 --tg 32 --enable-intelligence --output-dir /tmp/bench-runs "
    "--intelligence-plugins mmlu arc-c gsm8k --dataset-cache-dir /tmp/bench-cache --max-concurrent 12"
)
CASES = [
    ((URL, HUB, REQUIRED), REQUIRED_LINE),
    ((LOCAL, PLAIN, OPTIONAL), OPTIONAL_LINE),
    ((LOCAL, PLAIN, SUITES), SUITES_LINE),
]


@pytest.mark.parametrize(("given", "expected"), CASES)
def test_the_three_cases_of_swap_laboratories(given, expected):
    assert " ".join(arguments(*given)) == expected


@pytest.fixture
def runner(tmp_path):
    """A program that is called llama-benchy and tells what it was given, and what everybody can see of that."""
    program = tmp_path / "llama-benchy"
    program.write_text(
        "import json, os, sys\n"
        "seen = open('/proc/self/cmdline').read() if os.path.exists('/proc') else ''\n"
        "print(json.dumps([sys.argv[1:], os.environ.get('OPENAI_API_KEY'), seen]))\n"
    )
    (tmp_path / "key").write_text(KEY)

    def run(argv, **environment):
        env = {**os.environ, "PYTHONPATH": str(SHIM_FOLDER), "SWAPLAB_BENCHY_KEY_FILE": str(tmp_path / "key")}
        output = subprocess.run(
            [sys.executable, program, *argv], env={**env, **environment}, capture_output=True, check=True
        )
        return json.loads(output.stdout)

    return run


def test_the_runner_reads_the_key_where_swap_laboratories_put_it_and_nobody_else_sees_it(runner):
    given, _, seen = runner(arguments(URL, HUB, REQUIRED))
    assert " ".join(given) == REQUIRED_LINE.replace("--pp", f"--api-key {KEY} --pp")
    assert KEY not in seen


def test_suites_get_the_key_by_the_environment_since_they_would_pass_an_argument_on(runner):
    given, variable, _ = runner(arguments(LOCAL, PLAIN, SUITES), OPENAI_API_KEY="EMPTY")
    assert KEY not in given
    assert variable == KEY


def test_the_sitecustomize_that_ours_hides_is_run_too(runner, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("import os\nos.environ['OPENAI_API_KEY'] = 'theirs was here'\n")
    _, variable, _ = runner([], PYTHONPATH=os.pathsep.join([str(SHIM_FOLDER), str(theirs)]))
    assert variable == "theirs was here"


def test_what_only_we_ask_for_comes_last():
    options = RunOptions(models=("m",), pp=(1,), tg=(1,), skip_coherence=True, exact_tg=True)
    assert " ".join(arguments(LOCAL, PLAIN, options, Outputs("/r.json", "/p.jsonl", "book"))) == (
        f"{NAMES} --runs 5 --pp 1 --tg 1 --skip-coherence --exact-tg --exit-on-first-fail --save-result /r.json "
        "--format json --emit-progress /p.jsonl --book-url book"
    )
