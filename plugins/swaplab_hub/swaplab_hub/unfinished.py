"""Downloads that were begun and have not ended, one small file each, so that they can go on as they were meant."""

from __future__ import annotations

from pathlib import Path

import attrs
import orjson
from attrs import frozen

from swaplab_hub import names
from swaplab_hub.library import DownloadRequest


@frozen
class UnfinishedDownloads:
    """The files in `folder`. All of it blocks."""

    folder: Path

    def keep(self, wanted: DownloadRequest) -> None:
        """Remember one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self._file(wanted.repo).with_suffix(".new")
        new.write_bytes(orjson.dumps(attrs.asdict(wanted)))
        new.replace(self._file(wanted.repo))

    def forget(self, repo: str) -> None:
        """It has ended, or is given up."""
        self._file(repo).unlink(missing_ok=True)

    def of(self, repo: str) -> DownloadRequest | None:
        """What was wanted of a repository; None when nothing is known, or it cannot be read."""
        try:
            found = orjson.loads(self._file(repo).read_bytes())
            lists = {key: tuple(map(str, found[key])) for key in ("include", "exclude")}
            return DownloadRequest(str(found["repo"]), str(found["revision"]), str(found["weights"]), **lists)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def all(self) -> list[DownloadRequest]:
        """Every one."""
        found = (self.of(names.id_of(file.stem)) for file in sorted(self.folder.glob("*.json")))
        return [wanted for wanted in found if wanted is not None]

    def _file(self, repo: str) -> Path:
        return self.folder / f"{names.folder_of(repo)}.json"
