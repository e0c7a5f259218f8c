"""A program that has been started before starts without a fork of the daemon: nothing that it can see is different."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen

from swaplab_core.adapters.open_files import OpenFiles
from swaplab_core.adapters.parent_death import death_setter
from swaplab_core.adapters.spawning import Command, Spawner
from swaplab_core.testing.require import require

SETTER = death_setter(patience_seconds=60)

SHOW = """\
import ctypes, json, os, resource, signal, sys
death = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(death))
print(json.dumps({
    "death": death.value, "limit": resource.getrlimit(resource.RLIMIT_NOFILE), "env": dict(os.environ),
    "leads": os.getsid(0) == os.getpgid(0) == os.getpid(), "cwd": os.getcwd(), "stdin": sys.stdin.read(),
    "masked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "files": sorted(os.listdir("/proc/self/fd")),
    "parent": os.getppid(), "argv": sys.argv[1:],
}))
"""


@frozen
class Trial:
    """A spawner, a program that prints what it was given, and how often the program was not forked."""

    spawner: Spawner
    command: Command
    trace: Path

    def start(self, command: Command | None = None) -> dict[str, Any]:
        """Start it, and answer what it has seen."""
        command = command or self.command
        popen, (read_end,) = self.spawner.start(command.argv[0], command, 1)
        with os.fdopen(read_end) as output:
            said = output.read()
        assert popen.wait() == 0, said
        return dict(json.loads(said))

    def quick_starts(self) -> int:
        return len(self.trace.read_text().splitlines()) if self.trace.exists() else 0


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """The setter of the signal leaves a trace, and is the real one then."""
    death = " ".join(require("setpriv", SETTER or None, "it is Linux's, of util-linux 2.33"))
    script, trace, setter = tmp_path / "show", tmp_path / "trace", tmp_path / "setter"
    script.write_text(f"#!{sys.executable} -IS\n{SHOW}")
    setter.write_text(f'#!/bin/sh\necho >> {trace}\nexec {death} "$@"\n')
    for program in (script, setter):
        program.chmod(0o755)
    limit = OpenFiles(321, OpenFiles.now().hard)
    env = {"PATH": os.defpath, "PWD": str(tmp_path), "SWAPLAB_LAUNCH": "test.1."}
    command = Command((str(script), "two words", ""), env, str(tmp_path), b"input", limit, mark="test.1.")
    return Trial(Spawner((str(setter),)), command, trace)


def test_the_second_start_of_a_program_is_like_the_first_one(trial: Trial) -> None:
    first, second = trial.start(), trial.start()
    for name in ("_", "SHLVL"):
        second["env"].pop(name, None)  # the shell's that leaves the trace
    assert trial.quick_starts() == 1
    assert first == second
    assert first["death"] == 9
    assert first["limit"][0] == 321


def test_a_program_that_was_replaced_is_started_with_care_again(trial: Trial) -> None:
    trial.start()
    program = Path(trial.command.argv[0])
    program.unlink()
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(FileNotFoundError):
        trial.start()
    assert trial.quick_starts() == 0


def test_libraries_meant_for_the_program_are_not_loaded_by_what_starts_it(trial: Trial) -> None:
    trial.start()
    trial.start(evolve(trial.command, env={**trial.command.env, "LD_LIBRARY_PATH": "/no/such/folder"}))
    assert trial.quick_starts() == 0


@pytest.mark.parametrize("change", [{"mark": ""}, {"leaves_be": True}])
def test_what_the_guard_would_not_find_by_its_mark_is_forked(trial: Trial, change: dict[str, Any]) -> None:
    for _ in range(2):
        trial.start(evolve(trial.command, **change))
    assert trial.quick_starts() == 0
