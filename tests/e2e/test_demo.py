"""What `make run` starts: a demo that prints one line, and that line makes a swap happen."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
from repository import ROOT
from running_swaplab import SWAPLAB, Swaplab

from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.require import require


def test_make_run_starts_the_demo_in_its_own_folder():
    recipe = re.search(r"^run: .*\n(?:\t@\$\(COMPILE\)\n)?\t@(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert recipe == "$(BIN)/swaplab demo --folder .demo $(ARGS)"


@pytest.mark.llamacpp
@pytest.mark.usefixtures("llama_server")
def test_the_line_that_the_demo_prints_makes_a_swap_happen(tmp_path):
    shell = require("curl", shutil.which("curl") and shutil.which("sh"), "install curl")
    argv = [SWAPLAB, "demo", "--folder", tmp_path / "demo", "--listen", "127.0.0.1:0"]
    with running_process(argv, tmp_path / "demo.log") as demo:
        demo.wait_for_output("Ctrl-C stops everything")
        line = re.search(r"^  (for m in .*)$", demo.output(), re.MULTILINE)[1]
        models = re.match(r"for m in (.*?);", line)[1].split()
        said = subprocess.run([shell, "-c", line], capture_output=True, text=True, check=True, timeout=120).stdout
        answers = [json.loads(answer) for answer in said.splitlines()]
        assert [answer["model"] for answer in answers] == models
        assert all(answer["choices"][0]["message"]["content"] for answer in answers)
        first, second = models
        demo.wait_for_output(rf"{first}: stopping, makes room for {second}")
        assert demo.terminate() == 0


HIDING = """
import sys
from swaplab_core.adapters import programs
found = programs.find_program
programs.find_program = lambda name, path=None: None if "llama" in name else found(name, path)
from swaplab_core.cli import main
main(["demo", "--folder", sys.argv[1], "--listen", "127.0.0.1:0"])
"""


def test_without_an_engine_the_demo_simulates_and_says_so(tmp_path):
    with running_process([sys.executable, "-c", HIDING, tmp_path / "demo"], tmp_path / "demo.log") as process:
        url = process.wait_for_output(r"serves at (http://\S+)")[1]
        process.wait_for_output("Ctrl-C stops everything")
        demo = Swaplab(process, int(url.rpartition(":")[2]), range(0), "")

        assert "No engine for real models was found" in demo.log()
        assert "simulated-a" in demo.log()
        answers = [demo.chat(model).said for model in ("simulated-a", "simulated-b", "simulated-a")]
        assert all("no model, only swaplab's simulator" in answer for answer in answers)
        assert process.terminate() == 0
