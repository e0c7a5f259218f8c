"""`llm`, a command line tool that thousands use with any OpenAI server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.llamacpp

LLM = Path(sys.executable).with_name("llm")


@pytest.fixture
def llm(llama_lab, tmp_path):
    """Run the command with our models in its configuration."""
    names = ("plain", "nobody")
    entries = [{"model_id": f"lab-{name}", "model_name": name, "api_base": f"{llama_lab.url}/v1"} for name in names]
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps(entries))
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path), "LLM_LOAD_PLUGINS": ""}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [LLM, *arguments]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_it_prints_answers_streamed_and_whole_and_goes_on_with_a_conversation(llm):
    for arguments in (("-m", "lab-plain", "Hi"), ("--no-stream", "-c", "And more?")):
        done = llm(*arguments)
        assert (done.returncode, done.stdout) == (0, "No braces here.\n"), done.stderr


def test_it_shows_what_swaplab_says(llm):
    done = llm("-m", "lab-nobody", "Hi")

    assert done.returncode == 1
    assert "no model named 'nobody' is configured" in done.stderr
