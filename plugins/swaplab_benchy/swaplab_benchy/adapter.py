"""The world of a run: the running child, its output and its files. With `surroundings` and `store` all side effects."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
from attrs import define, field

from swaplab_benchy.argv import Outputs, arguments
from swaplab_benchy.diagnosis import diagnose, remarks
from swaplab_benchy.progress import ProgressReader, requests_expected
from swaplab_benchy.results import Result, read_result
from swaplab_benchy.scores import Score, read_scores, run_folder, suite_progress
from swaplab_benchy.surroundings import Child, environment, prepare
from swaplab_core.plugin import Command, PluginFailed, Progress, Work

POLL_SECONDS = 0.5
TAIL_LINES = 400
YES_LINES = 8
"""How many questions about remote code are answered with yes, when that was asked for."""


@define
class Tail:
    """Hears every line of the output, remembers the last, and what it says of the run's folder and progress."""

    lines: deque[str] = field(factory=lambda: deque(maxlen=TAIL_LINES))
    folder: str = ""

    def hear(self, line: str) -> Progress | None:
        """Take in a line; a speed run tells its progress elsewhere."""
        self.lines.append(line)
        self.folder = run_folder(line) or self.folder
        return suite_progress(line)

    @property
    def text(self) -> str:
        """What was heard last."""
        return "\n".join(self.lines)


async def measure(work: Work, child: Child, folder: Path, environ: Mapping[str, str], tail: Tail) -> Result:
    """Run the benchmark to its end and read its result. `folder` is the run's own.

    Raises PluginFailed with what went wrong and what to do.
    """
    prepared = await asyncio.to_thread(prepare, child, folder)
    outputs = Outputs(str(folder / "result.json"), str(folder / "progress.jsonl"), child.book)
    argv = (*child.runner.argv, *arguments(child.base_url, prepared, child.options, outputs))
    env = await asyncio.to_thread(environment, child, folder, environ)
    answers = b"y\n" * YES_LINES if prepared.trust_remote_code else b""
    reader = ProgressReader(requests_expected(child.options))
    command = Command(child.isolation.wrap(argv, environ.keys() - env.keys()), env=env, stdin=answers)
    work.hide(child.key)
    async with _following(folder / "progress.jsonl", reader, work):
        code = await work.run(command)
    for remark in remarks(tail.text):
        work.log(f"note: {remark}")
    if code != 0 or reader.errors:
        found = diagnose("\n".join([tail.text, *reader.errors]), code)
        raise PluginFailed(found.message, advice=found.advice)
    if child.options.intelligence:
        return await asyncio.to_thread(_read_suites, tail.folder, child.options.intelligence.output_dir)
    return await asyncio.to_thread(_read, folder / "result.json")


def _read(file: Path) -> Result:
    try:
        return read_result(orjson.loads(file.read_bytes()))
    except (OSError, orjson.JSONDecodeError) as error:
        raise PluginFailed(f"llama-benchy wrote no result that can be read: {error}", advice="see the log") from None


def _read_suites(folder: str, output_dir: str) -> Result:
    """The scores of a run that ended well; one in which no suite did is a failure."""
    found = Path(folder).resolve()
    if not folder or not found.is_relative_to(Path(output_dir).resolve()):
        raise PluginFailed("the runner did not say where its results are", advice="see the log of the run")
    try:
        manifest = orjson.loads((found / "manifest.json").read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise PluginFailed(f"the runner wrote no manifest that can be read: {error}", advice="see the log") from None
    scores = read_scores(manifest)
    if scores and all(score.failure for score in scores):
        raise _no_suite_succeeded(scores)
    return Result(str(manifest.get("version", "")), None, {}, scores)


def _no_suite_succeeded(scores: tuple[Score, ...]) -> PluginFailed:
    first = scores[0]
    found = diagnose(first.failure, None)
    said = first.failure.strip().rpartition("\n")[2][:300] if found.is_guess else found.message
    return PluginFailed(f"{first.suite}: {said}", advice=found.advice)


@asynccontextmanager
async def _following(file: Path, reader: ProgressReader, work: Work) -> AsyncIterator[None]:
    """Tell the job how far the run is, from the events that it writes, while the block runs."""
    place = _Place(file)

    async def look() -> None:
        for line in await asyncio.to_thread(place.news):
            if (progress := reader.read(line)) is not None:
                work.progress(progress)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(_repeat(look))
        try:
            yield
        finally:
            task.cancel()
    await look()


async def _repeat(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(POLL_SECONDS)
        await look()


@define
class _Place:
    """Where in a growing file we are; whole lines only."""

    file: Path
    _offset: int = field(default=0, init=False)

    def news(self) -> list[str]:
        try:
            with self.file.open("rb") as opened:
                opened.seek(self._offset)
                data = opened.read()
        except FileNotFoundError:
            return []
        whole, _, _ = data.rpartition(b"\n")
        if not whole:
            return []
        self._offset += len(whole) + 1
        return whole.decode("utf-8", "replace").split("\n")


def installed_runner(state: Path, *, intelligence: bool = False) -> str | None:
    """The program of our own environment of this edition, None when it is not installed."""
    program = environment_folder(state, intelligence=intelligence) / "bin" / "llama-benchy"
    return str(program) if program.exists() else None


def environment_folder(state: Path, *, intelligence: bool) -> Path:
    """Where the environment of an edition is made."""
    return state / ("environment-intelligence" if intelligence else "environment")
