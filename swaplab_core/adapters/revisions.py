"""The last revisions of the configuration file, in a folder: `<number>.yaml` the text, `<number>.json` who and why."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from pathlib import Path

import attrs
import orjson
from attrs import frozen

from swaplab_core.domain.revision import Revision

KEPT = 50

_log = logging.getLogger(__name__)


def revision_of(text: str) -> str:
    """The id of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


@frozen
class RevisionFolder:
    """Holds texts with secrets, so only its owner may look. Losing it costs the history, nothing else."""

    folder: Path
    kept: int = KEPT

    def add(self, text: str, revision: Revision) -> None:
        """Keep one more; the oldest go."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            numbers = self._numbers()
            name = f"{(numbers[-1] if numbers else 0) + 1:08d}"
            self._write(name + ".yaml", text.encode())
            self._write(name + ".json", orjson.dumps(attrs.asdict(revision)))
            for number in numbers[: max(0, len(numbers) + 1 - self.kept)]:
                for kind in ("yaml", "json"):
                    (self.folder / f"{number:08d}.{kind}").unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the revision of the configuration is not kept: %s", error)

    def all(self) -> list[Revision]:
        """Every revision, newest first; the same text may have been in force more than once."""
        found = (self._read(number) for number in reversed(self._numbers()))
        return [revision for revision in found if revision is not None]

    def text(self, revision: str) -> str | None:
        """The text of a revision; None when it is not kept."""
        for number in reversed(self._numbers()):
            known = self._read(number)
            if known is not None and known.id == revision:
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    return (self.folder / f"{number:08d}.yaml").read_bytes().decode("utf-8")
        return None

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(data)

    def _numbers(self) -> list[int]:
        return sorted(int(path.stem) for path in self.folder.glob("*.json") if path.stem.isdigit())

    def _read(self, number: int) -> Revision | None:
        try:
            return Revision(**orjson.loads((self.folder / f"{number:08d}.json").read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            _log.warning("revision %d of the configuration cannot be read: %s", number, error)
            return None
