"""How a process is started: where the program is found, what it is given, and why it cannot be started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from attrs import frozen

from swaplab_core.adapters.processes import LocalProcesses
from swaplab_core.domain.errors import StartFailed
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.ports import ExitStatus
from swaplab_core.testing.output import Output

Run = Callable[[Coroutine[Any, Any, None]], None]
WELL = ExitStatus(code=0)


def _spec(*argv: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> LaunchSpec:
    return LaunchSpec(argv, "http://127.0.0.1:1", env=env or {}, cwd=PurePosixPath(cwd) if cwd else None)


def _open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def _write(path: Path, text: str, mode: int = 0o755) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_arguments_reach_the_program_as_they_are(run: Run, processes: LocalProcesses, output: Output) -> None:
    async def scenario() -> None:
        arguments = ["two words", "", "$HOME", "*", "it's", '"', "ümlaut", "-x;y"]
        process = await processes.start(_spec("printf", "%s\\n", *arguments), output)
        assert await process.wait() == WELL
        assert output.lines == arguments

    run(scenario())


def test_the_environment_is_ours_and_the_specs(
    run: Run, processes: LocalProcesses, output: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "one")
    monkeypatch.setenv("BOTH", "ours")

    async def scenario() -> None:
        spec = _spec("sh", "-c", 'echo "$OURS $BOTH $SPECS"', env={"BOTH": "spec's", "SPECS": "three"})
        await (await processes.start(spec, output)).wait()
        assert output.lines == ["one spec's three"]

    run(scenario())


def test_it_runs_in_the_working_directory(run: Run, processes: LocalProcesses, output: Output, tmp_path: Path) -> None:
    here = tmp_path.resolve()

    async def scenario() -> None:
        _write(here / "here.sh", "#!/bin/sh\npwd -P\n")
        await (await processes.start(_spec("./here.sh", cwd=here), output)).wait()
        assert output.lines == [str(here)]

    run(scenario())


def test_a_relative_working_directory_is_one_below_ours(
    run: Run, processes: LocalProcesses, output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    _write(tmp_path / "below" / "here.sh", "#!/bin/sh\necho found\n")
    monkeypatch.chdir(tmp_path)

    async def scenario() -> None:
        await (await processes.start(_spec("./here.sh", cwd=Path("below")), output)).wait()
        assert output.lines == ["found"]

    run(scenario())


def test_it_gets_an_empty_stdin_and_leads_a_session_of_its_own(
    run: Run, processes: LocalProcesses, output: Output
) -> None:
    async def scenario() -> None:
        program = "import os, sys; print(repr(sys.stdin.read()), os.getpid() == os.getpgrp() == os.getsid(0))"
        await (await processes.start(_spec(sys.executable, "-c", program), output)).wait()
        assert output.lines == ["'' True"]

    run(scenario())


def test_nothing_of_ours_is_inherited_but_the_three_streams(
    run: Run, processes: LocalProcesses, output: Output
) -> None:
    async def scenario() -> None:
        await (await processes.start(_spec("true"), output)).wait()  # now the guard and its pipe exist as well
        program = "import os; print(sorted(int(fd) for fd in os.listdir('/dev/fd'))[:-1])"
        await (await processes.start(_spec(sys.executable, "-c", program), output)).wait()
        assert output.lines == ["[0, 1, 2]"]

    run(scenario())


def test_a_program_is_looked_up_on_the_path_of_the_spec(
    run: Run, processes: LocalProcesses, output: Output, tmp_path: Path
) -> None:
    async def scenario() -> None:
        _write(tmp_path / "engine-of-the-spec", "#!/bin/sh\necho found\n")
        spec = _spec("engine-of-the-spec", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        await (await processes.start(spec, output)).wait()
        assert output.lines == ["found"]

    run(scenario())


def test_standard_error_is_part_of_the_output(run: Run, processes: LocalProcesses, output: Output) -> None:
    async def scenario() -> None:
        await (await processes.start(_spec("sh", "-c", "echo out; echo err >&2; echo out"), output)).wait()
        assert output.lines == ["out", "err", "out"]

    run(scenario())


@frozen
class Refused:
    """A spec that cannot be started, made in a folder of its own, and parts of the message and the advice."""

    spec: Callable[[Path], LaunchSpec]
    message: str
    advice: str


REFUSED = {
    "an empty command": Refused(lambda _: _spec(), "the command is empty", "name a program"),
    "a missing program": Refused(lambda _: _spec("no-such-engine"), "program not found: no-such-engine", "install it"),
    "a misspelt name": Refused(
        lambda here: _spec("lama-engine", env={"PATH": str(_write(here / "llama-engine", "#!/bin/sh\n").parent)}),
        "program not found: lama-engine",
        "did you mean llama-engine?",
    ),
    "a misspelt path": Refused(
        lambda here: _spec(str(_write(here / "llama-engine", "#!/bin/sh\n")) + "s"),
        "/llama-engines (No such file or directory)",
        "did you mean llama-engine?",
    ),
    "a file without the right": Refused(
        lambda here: _spec(str(_write(here / "plain", "#!/bin/sh\n", 0o644))), "plain is not executable", "chmod +x /"
    ),
    "a folder": Refused(lambda here: _spec(str(here)), "is a folder, not a program", "inside it"),
    "a text": Refused(
        lambda here: _spec(str(_write(here / "text", "hello"))), "text is not a program this machine", "#! line"
    ),
    "a script without its interpreter": Refused(
        lambda here: _spec(str(_write(here / "script", "#!/no/such/shell\n"))), "script exists, but", "#! line"
    ),
    "a missing folder": Refused(
        lambda here: _spec("true", cwd=here / "gone"), "/gone is not a folder", "create it, or correct its path"
    ),
    "a file as the folder": Refused(
        lambda here: _spec("true", cwd=_write(here / "file", "")), "/file is not a folder", "correct its path"
    ),
    "a NUL in an argument": Refused(lambda _: _spec("true", "a\0b"), "embedded null byte", "arguments"),
    "a NUL in the program": Refused(lambda _: _spec("./a\0b"), "embedded null byte", "arguments"),
    "a bad variable": Refused(lambda _: _spec("true", env={"A=B": "c"}), "illegal environment variable", "environment"),
    "a huge argument": Refused(lambda _: _spec("true", "x" * 10_000_000), "are too long", "shorten them"),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_a_start_that_fails_says_why_and_what_to_do(
    run: Run, processes: LocalProcesses, output: Output, tmp_path: Path, refused: Refused
) -> None:
    spec = refused.spec(tmp_path)

    async def scenario() -> None:
        with pytest.raises(StartFailed) as caught:
            await processes.start(spec, output)
        assert refused.message in caught.value.message
        assert refused.advice in caught.value.advice

    run(scenario())


def test_a_start_that_fails_leaks_no_file_descriptor(run: Run, processes: LocalProcesses, output: Output) -> None:
    async def scenario() -> None:
        before = _open_files()
        for _ in range(5):
            with pytest.raises(StartFailed):
                await processes.start(_spec("true", "a\0b"), output)
        assert _open_files() == before

    run(scenario())


def test_a_whole_life_leaks_no_file_descriptor(run: Run, processes: LocalProcesses, output: Output) -> None:
    async def scenario() -> None:
        await (await processes.start(_spec("true"), output)).wait()
        before = _open_files()
        for _ in range(5):
            await (await processes.start(_spec("echo", "hello"), output)).wait()
        assert _open_files() == before

    run(scenario())
