"""Jobs in a folder: `<id>.json` is the record, `<id>.log` its log. One thread does all the work, so it is in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import attrs
import orjson
from attrs import define, field
from cattrs import Converter

from swaplab_core.domain.job import Job, JobId, JobState

T = TypeVar("T")

_log = logging.getLogger(__name__)


@define(eq=False)
class FolderJobFiles:
    """The port `JobFiles`. A record that cannot be read is left where it is, and a warning names it."""

    folder: Path
    _thread: ThreadPoolExecutor = field(
        factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobs"), init=False
    )

    async def load(self) -> list[Job]:
        """Every job, oldest first."""
        return await self._asked(self._load, [])

    def save(self, job: Job) -> None:
        """Replace the record in one step: a crash leaves the old one or the new one."""
        self._thread.submit(self._tried, lambda: self._save(job), None)

    def append(self, job: JobId, data: bytes) -> None:
        """Add to the log."""
        self._thread.submit(self._tried, lambda: self._append(job, data), None)

    async def read(self, job: JobId, offset: int, limit: int) -> bytes:
        """Read a part of the log."""
        return await self._asked(lambda: self._read(job, offset, limit), b"")

    def delete(self, job: JobId) -> None:
        """Remove both files."""
        self._thread.submit(self._tried, lambda: self._delete(job), None)

    def close(self) -> None:
        """Return when everything is written."""
        self._thread.shutdown(wait=True)

    async def _asked(self, work: Callable[[], T], otherwise: T) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._tried, work, otherwise)

    def _tried(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            return work()
        except OSError as error:
            _log.warning("the history of jobs in %s: %s", self.folder, error.strerror or error)
            return otherwise

    def _load(self) -> list[Job]:
        self.folder.mkdir(parents=True, exist_ok=True)
        jobs = [job for path in sorted(self.folder.glob("*.json")) if (job := _read_job(path)) is not None]
        jobs = [attrs.evolve(job, log_bytes=self._log_bytes(job.id)) for job in jobs]
        return sorted(jobs, key=lambda job: (job.created, job.id))

    def _log_bytes(self, job: JobId) -> int:
        path = self._path(job, "log")
        return path.stat().st_size if path.exists() else 0

    def _save(self, job: Job) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(job.id, "json")
        new = path.with_suffix(".new")
        new.write_bytes(orjson.dumps(attrs.asdict(job), default=_plain))
        new.replace(path)

    def _append(self, job: JobId, data: bytes) -> None:
        with self._path(job, "log").open("ab") as file:
            file.write(data)

    def _read(self, job: JobId, offset: int, limit: int) -> bytes:
        path = self._path(job, "log")
        if not path.exists():
            return b""
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)

    def _delete(self, job: JobId) -> None:
        for kind in ("json", "log"):
            self._path(job, kind).unlink(missing_ok=True)

    def _path(self, job: JobId, kind: str) -> Path:
        return self.folder / f"{job}.{kind}"


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, JobState) else str(value)


_converter = Converter()


def _read_job(path: Path) -> Job | None:
    try:
        return _converter.structure(orjson.loads(path.read_bytes()), Job)
    except (OSError, ValueError, TypeError, KeyError, ExceptionGroup) as error:
        _log.warning("%s is no record of a job: %s", path, error)
        return None
