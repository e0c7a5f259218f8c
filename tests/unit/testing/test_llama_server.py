from __future__ import annotations

import sys
from pathlib import Path

from swaplab_core.testing.llama_server import NAMES, VARIABLE, find_llama_server


def make_program(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_the_environment_decides_first(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, "/opt/my/llama-server")
    monkeypatch.setenv("PATH", str(make_program(tmp_path, NAMES[0]).parent))
    assert find_llama_server() == Path("/opt/my/llama-server")


def test_a_program_on_the_path_is_found(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    program = make_program(tmp_path / "bin", NAMES[0])
    monkeypatch.setenv("PATH", str(program.parent))
    assert find_llama_server() == program


def test_a_program_beside_python_is_found_without_activating_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    program = make_program(tmp_path / "venv", NAMES[1])
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    assert find_llama_server() == program


def test_nothing_installed_is_none(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert find_llama_server() is None
