"""The worker, as the daemon uses it: the commands, short questions with their answers, a download's progress."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field, frozen

from swaplab_core.plugin import Command, LabView, Progress, SecretRef, Work
from swaplab_hub.deletion import Deletion
from swaplab_hub.failures import HubFailed, error_of
from swaplab_hub.settings import Settings
from swaplab_hub.weights import RemoteFile

MODULE = "swaplab_hub.worker"
QUESTION_SECONDS = 60.0
AT_ONCE = 3
GIB = 2**30

_PROGRESS = re.compile(r"(?P<percent>\d{1,3}(?:\.\d+)?)% (?P<text>.+)")


@frozen
class DownloadRequest:
    """What somebody wants of a repository; the fields are checked."""

    repo: str
    revision: str = ""
    weights: str = "auto"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@frozen
class Remote:
    """What the hub has of a repository."""

    repo: str
    commit: str
    gated: bool
    files: tuple[RemoteFile, ...]


def worker(verb: str, settings: Settings, options: Sequence[str] = (), words: Sequence[str] = ()) -> Command:
    """Make the command: `options` are ours, `words` a person's, so they stand behind `--`."""
    argv = (sys.executable, "-P", "-m", MODULE, verb, *options, *(("--", *words) if words else ()))
    return Command(argv, env=_environment(settings))


def _environment(settings: Settings) -> dict[str, str | SecretRef]:
    """What the library reads; the token is named, and its value hidden wherever it would be shown."""
    env: dict[str, str | SecretRef] = {
        "HF_TOKEN": SecretRef("HF_TOKEN"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_XET": "0" if settings.xet else "1",
        "HF_DEBUG": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
    }
    if settings.endpoint:
        env["HF_ENDPOINT"] = settings.endpoint.rstrip("/")
    if settings.token_file:
        env["HF_TOKEN_PATH"] = settings.token_file
    return env


def download_command(wanted: DownloadRequest, cache: Path, settings: Settings) -> Command:
    """Make the command of a download."""
    options = [f"--cache={cache}", f"--weights={wanted.weights}", f"--parallel={settings.parallel}"]
    options += [f"--reserve={int(settings.reserve_gib * GIB)}"]
    options += [f"--revision={wanted.revision}"] if wanted.revision else []
    options += [f"--include={pattern}" for pattern in wanted.include]
    options += [f"--exclude={pattern}" for pattern in wanted.exclude]
    options += ["--xet"] if settings.xet else []
    return worker("download", settings, options, (wanted.repo,))


def deletion_command(deletion: Deletion, cache: Path, settings: Settings) -> Command:
    """Make the command of a deletion; what goes is its input."""
    plan = {
        "folder": deletion.repo.folder,
        "everything": deletion.everything,
        "commits": deletion.commits,
        "refs": deletion.refs,
        "blobs": deletion.blobs,
        "freed": deletion.freed,
    }
    command = worker("delete", settings, (f"--cache={cache}",))
    return Command(command.argv, env=command.env, stdin=orjson.dumps(plan))


@define(eq=False)
class Library:
    """Asks the hub, in a process of its own for each question; few at once, whoever asks."""

    lab: LabView
    _places: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(AT_ONCE), init=False)

    async def search(self, query: str, filter_: str, settings: Settings) -> list[dict[str, Any]]:
        """Look for repositories. Raises HubFailed and its like."""
        options = (f"--filter={filter_}",) if filter_ else ()
        found: list[dict[str, Any]] = await self._ask(worker("search", settings, options, (query,)))
        return found

    async def files(self, repo: str, revision: str, settings: Settings) -> Remote:
        """What a repository holds. Raises HubFailed and its like."""
        options = (f"--revision={revision}",) if revision else ()
        found: Mapping[str, Any] = await self._ask(worker("files", settings, options, (repo,)))
        files = tuple(RemoteFile(*each) for each in found["files"])
        return Remote(repo, found["commit"], found["gated"], files)

    async def _ask(self, command: Command) -> Any:
        async with self._places:
            output = await self.lab.run(command, timeout_seconds=QUESTION_SECONDS)
        lines = output.stdout.decode(errors="replace").strip().splitlines() or [""]
        if output.exit_code != 0:
            told = output.stderr.decode(errors="replace").strip().splitlines()
            raise error_of(output.exit_code, lines[-1] or (told[-1] if told else ""))
        try:
            return orjson.loads(lines[-1])
        except orjson.JSONDecodeError:
            raise HubFailed("the hub's answer is too long to be shown", advice="name what you want directly") from None


@define
class WorkerOutput:
    """What a worker that runs as a job prints: its progress, and its last line, which is the result or the failure."""

    last: str = field(default="", init=False)

    def read(self, line: str) -> Progress | None:
        """Take in a line."""
        found = read_progress(line)
        if found is None:
            self.last = line
        return found


async def run_worker(work: Work, command: Command, output: WorkerOutput) -> dict[str, Any]:
    """Run a worker as a step of a job; answers its result. Raises what went wrong."""
    code = await work.run(command)
    if code != 0:
        raise error_of(code, output.last)
    try:
        found: dict[str, Any] = orjson.loads(output.last)
    except orjson.JSONDecodeError:
        return {}
    return found


def read_progress(line: str) -> Progress | None:
    """Read a line of `fetching.progress_line`."""
    found = _PROGRESS.fullmatch(line.strip())
    return Progress(found["text"], min(1.0, float(found["percent"]) / 100)) if found else None
