"""The world of a run: its folder, the files that the runner reads and writes, and the running child.

The only module of the plugin with side effects beside `store`. File work is done in threads.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
from attrs import define, field, frozen

from swaplab_benchy import corpus
from swaplab_benchy.argv import Outputs, arguments
from swaplab_benchy.diagnosis import diagnose, remarks
from swaplab_benchy.gguf import tokenizer_json
from swaplab_benchy.options import Corpus, RunOptions
from swaplab_benchy.progress import ProgressReader, requests_expected
from swaplab_benchy.results import Result, read_result
from swaplab_benchy.runner import Runner
from swaplab_benchy.targets import Target, is_repository
from swaplab_core.plugin import Command, PluginFailed, Work

SHIM_FOLDER = Path(__file__).parent / "shim"
POLL_SECONDS = 0.5
TAIL_LINES = 400
YES_LINES = 8
"""How many questions about remote code are answered with yes, when that was asked for."""


@define
class Tail:
    """Hears every line of the output and remembers the last."""

    lines: deque[str] = field(factory=lambda: deque(maxlen=TAIL_LINES))

    def hear(self, line: str) -> None:
        """Take in a line; tells nothing of progress, the events do."""
        self.lines.append(line)

    @property
    def text(self) -> str:
        """What was heard last."""
        return "\n".join(self.lines)


@frozen
class Child:
    """What is run: runner, address, names and options; `key` "" when the server asks for none."""

    runner: Runner
    base_url: str
    target: Target
    options: RunOptions
    key: str = field(default="", repr=False)
    gguf_file: str = ""


async def measure(work: Work, child: Child, folder: Path, environ: Mapping[str, str], tail: Tail) -> Result | None:
    """Run the benchmark to its end and read its result; None for an intelligence run, which writes files of its own.

    `folder` is the run's own. Raises PluginFailed with what went wrong and what to do.
    """
    prepared = await asyncio.to_thread(_prepare, child, folder)
    outputs = Outputs(str(folder / "result.json"), str(folder / "progress.jsonl"), _book(child.options))
    argv = (*child.runner.argv, *arguments(child.base_url, prepared, child.options, outputs))
    answers = b"y\n" * YES_LINES if prepared.trust_remote_code else b""
    reader = ProgressReader(requests_expected(child.options))
    try:
        async with _following(folder / "progress.jsonl", reader, work):
            code = await work.run(Command(argv, env=_environment(child, folder, environ), stdin=answers))
    finally:
        await asyncio.to_thread((folder / "key").unlink, missing_ok=True)
    for remark in remarks(tail.text):
        work.log(f"note: {remark}")
    if code != 0 or reader.errors:
        found = diagnose("\n".join([tail.text, *reader.errors]), code)
        raise PluginFailed(found.message, advice=found.advice)
    return None if child.options.intelligence else await asyncio.to_thread(_read, folder / "result.json")


def _read(file: Path) -> Result:
    try:
        return read_result(orjson.loads(file.read_bytes()))
    except (OSError, orjson.JSONDecodeError) as error:
        raise PluginFailed(f"llama-benchy wrote no result that can be read: {error}", advice="see the log") from None


def _book(options: RunOptions) -> str:
    return corpus.BOOK if options.corpus is Corpus.BUILTIN and options.intelligence is None else ""


def _prepare(child: Child, folder: Path) -> Target:
    """Write what the child reads; answers the target, its tokenizer a file where only the GGUF has one."""
    folder.mkdir(parents=True, exist_ok=True)
    if child.key:
        with os.fdopen(os.open(folder / "key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(child.key)
    if _book(child.options):
        cached = Path.home() / ".cache" / "llama-benchy" / corpus.cache_name()
        if not cached.exists():
            cached.parent.mkdir(parents=True, exist_ok=True)
            cached.write_text(corpus.text(), encoding="utf-8")
    return _with_tokenizer(child, folder)


def _with_tokenizer(child: Child, folder: Path) -> Target:
    target = child.target
    given = Path(target.tokenizer).expanduser()
    if is_repository(target.tokenizer) or given.exists():
        return target
    if child.options.tokenizer == target.tokenizer and given.is_absolute():
        raise PluginFailed(
            f"the tokenizer '{target.tokenizer}' could not be loaded: there is no such file or folder",
            advice="give a repository of the hub (org/name), or a folder with a tokenizer.json",
        )
    if not child.gguf_file:
        return target
    file = folder / "tokenizer" / "tokenizer.json"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(orjson.dumps(tokenizer_json(Path(child.gguf_file))))
    return Target(target.served, target.shown, str(file.parent), target.trust_remote_code)


def _environment(child: Child, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The child's own: caches that belong to it, our shim, and the key as a file."""
    home = Path(environ.get("LLAMA_BENCHY_HF_HOME") or Path.home() / ".cache" / "llama-benchy-hf").expanduser()
    hub = home / "hub"
    env = {"HF_HOME": str(home), "HF_HUB_CACHE": str(hub), "HUGGINGFACE_HUB_CACHE": str(hub)}
    env |= {"TRANSFORMERS_CACHE": str(hub), "HF_DATASETS_CACHE": str(home / "datasets")}
    shims = [environ.get("LLAMA_SWAP_BENCHY_PY_SHIM_DIR", ""), str(SHIM_FOLDER), environ.get("PYTHONPATH", "")]
    env["PYTHONPATH"] = os.pathsep.join(each for each in shims if each)
    env["PYTHONUNBUFFERED"] = "1"
    if child.key:
        env["SWAPLAB_BENCHY_KEY_FILE"] = str(folder / "key")
    wanted = child.options.intelligence
    if wanted and "swebench_verified" in wanted.plugins:
        env["LLAMA_SWAP_SWEBENCH_TEXT_COMPAT"] = "1"
    return env


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


def installed_runner(state: Path) -> str | None:
    """The program of our own environment, None when it is not installed."""
    program = state / "environment" / "bin" / "llama-benchy"
    return str(program) if program.exists() else None


def forget_folder(folder: Path) -> None:
    """Delete what a run left behind."""
    shutil.rmtree(folder, ignore_errors=True)
