"""curl, as READMEs show it: streams that come as they are said, and nothing held back."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
from running_swaplab import event_data, running_swaplab, sim

from swaplab_core.testing.require import require

SLOW = sim("--tokens", "5", "--tokens-per-second", "5")
ASK = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(scope="module")
def curl():
    return require("curl", shutil.which("curl"), "install curl")


def chat(model, **more):
    return ["-H", "Content-Type: application/json", "-d", json.dumps({"model": model, **ASK, **more})]


@pytest.mark.llamacpp
def test_an_answer_of_a_real_model(curl, llama_lab):
    argv = [curl, "-sS", f"{llama_lab.url}/v1/chat/completions", *chat("plain")]
    answer = json.loads(subprocess.run(argv, capture_output=True, timeout=60, check=True).stdout)

    assert answer["choices"][0]["message"]["content"] == "No braces here."


@pytest.mark.llamacpp
def test_a_stream_of_a_real_model_ends_with_done(curl, llama_lab):
    argv = [curl, "-sSN", f"{llama_lab.url}/v1/chat/completions", *chat("plain", stream=True)]
    *events, done = event_data(subprocess.run(argv, capture_output=True, timeout=60, check=True).stdout)

    choices = [choice for event in events for choice in json.loads(event)["choices"]]
    assert "".join(choice["delta"].get("content") or "" for choice in choices) == "No braces here."
    assert done == "[DONE]"


def test_unbuffered_events_arrive_one_by_one(curl, tmp_path):
    with running_swaplab(tmp_path, {"slow": SLOW}) as swaplab:
        argv = [curl, "-sSN", f"{swaplab.url}/v1/chat/completions", *chat("slow", stream=True)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            came = [time.monotonic() for line in process.stdout if line.startswith(b"data: {")]

        assert process.returncode == 0
        assert len(came) >= 5
        assert came[-1] - came[0] > 0.4, "five tokens, five in a second: they were not held back to the end"
