"""Where programs are found."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import pytest

from swaplab_core.adapters.programs import find_program, search_path


def _program(path: Path, mode: int = 0o755) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_a_program_is_found_on_the_path_it_is_given(tmp_path: Path) -> None:
    program = _program(tmp_path / "engine")
    assert find_program("engine", str(tmp_path)) == str(program)
    assert find_program("engine", "/nowhere") is None


def test_without_a_path_ours_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = _program(tmp_path / "engine")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("engine") == str(program)


@pytest.mark.parametrize("path", ["", "/nowhere"])
def test_programs_installed_beside_the_interpreter_are_found_without_activation(path: str) -> None:
    scripts = Path(sysconfig.get_path("scripts"))
    name = next(entry.name for entry in scripts.iterdir() if os.access(entry, os.X_OK))
    assert find_program(name, path) == str(scripts / name)


def test_the_path_comes_before_the_scripts_folder(tmp_path: Path) -> None:
    scripts = Path(sysconfig.get_path("scripts"))
    name = next(entry.name for entry in scripts.iterdir() if os.access(entry, os.X_OK))
    program = _program(tmp_path / name)
    assert find_program(name, str(tmp_path)) == str(program)


def test_without_any_path_the_system_default_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATH")
    assert search_path().startswith(os.defpath)


def test_the_answer_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = _program(tmp_path / "engine")
    monkeypatch.chdir(tmp_path)
    assert find_program("engine", ".") == str(program)
    assert find_program("./engine", "/nowhere") == str(program)


def test_what_cannot_be_run_is_not_a_program(tmp_path: Path) -> None:
    _program(tmp_path / "text", 0o644)
    (tmp_path / "folder").mkdir()
    assert find_program("text", str(tmp_path)) is None
    assert find_program("folder", str(tmp_path)) is None
    assert find_program("", str(tmp_path)) is None
