"""Results on disk: one JSON file a run below the plugin's state folder, readable by people, written atomically.

Adapter: it reads and writes files, so its methods block for milliseconds and are called in a thread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import orjson
from attrs import define, field

from swaplab_benchy.results import Run, from_document, to_document
from swaplab_core.domain.errors import NotThere
from swaplab_core.plugin import PluginFailed

_ID = re.compile(r"[0-9a-f]{8,32}")


@define(eq=False)
class ResultStore:
    """All results, newest first. Files that cannot be read are listed in `broken` and left alone."""

    folder: Path
    broken: dict[str, str] = field(factory=dict, init=False)
    _runs: dict[str, Run] | None = field(default=None, init=False)

    def save(self, run: Run) -> None:
        """Keep one result; it survives a crash of the machine."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file, fresh = self._file(run.id), self.folder / f".{run.id}.new"
        with fresh.open("wb") as opened:
            opened.write(orjson.dumps(to_document(run), option=orjson.OPT_INDENT_2))
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
        self._all()[run.id] = run

    def runs(self, model: str = "", recipe: str = "") -> Sequence[Run]:
        """The results, of one model or recipe if that is given, newest first."""
        chosen = [run for run in self._all().values() if _fits(run, model, recipe)]
        return sorted(chosen, key=lambda run: (run.created, run.id), reverse=True)

    def run(self, run_id: str) -> Run:
        """One result. Raises NotThere."""
        if (run := self._all().get(run_id)) is None:
            raise NotThere(f"there is no result {run_id!r}", advice="see GET /api/benchy/results")
        return run

    def delete(self, run_id: str) -> None:
        """Forget one result. Raises NotThere."""
        self.run(run_id)
        self._file(run_id).unlink(missing_ok=True)
        del self._all()[run_id]

    def _all(self) -> dict[str, Run]:
        if self._runs is None:
            self._runs = {run.id: run for run in map(self._read, sorted(self.folder.glob("*.json"))) if run}
        return self._runs

    def _read(self, file: Path) -> Run | None:
        try:
            return from_document(orjson.loads(file.read_bytes()))
        except (OSError, orjson.JSONDecodeError, PluginFailed) as error:
            self.broken[file.name] = str(error)
            return None

    def _file(self, run_id: str) -> Path:
        if not _ID.fullmatch(run_id):
            raise NotThere(f"there is no result {run_id!r}")
        return self.folder / f"{run_id}.json"


def _fits(run: Run, model: str, recipe: str) -> bool:
    return (not model or run.provenance.model == model) and (not recipe or run.provenance.recipe == recipe)
