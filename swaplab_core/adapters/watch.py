"""Noticing that configuration files have changed, by looking at them again and again.

Looking (stat) works where notifications do not: bind mounts, and the symlink swaps of Kubernetes. A change is reported
once the files have stopped changing, so that a half-written one is usually not seen; somebody who never stops writing
is not waited for. The file, or all of a folder, gone is a moment of somebody else's writing: it is taken to be as it
was, until it is back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from swaplab_core.ports import Clock

INTERVAL_SECONDS = 0.5
SETTLING_SECONDS = 0.1
LONGEST_SETTLING_SECONDS = 2.0

Signature = dict[Path, tuple[int, ...]]


@define(eq=False)
class FileWatcher:
    """Watches a file and the YAML files of a folder, whichever are given."""

    file: Path | None
    folder: Path | None
    clock: Clock
    _seen: Signature = field(factory=dict, init=False)

    async def run(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each change, until cancelled. What is there at first is no change."""
        self._seen = self.look()
        while True:
            await self.clock.sleep(INTERVAL_SECONDS)
            if await self._has_changed():
                changed()

    async def _has_changed(self) -> bool:
        if self._look_over_gaps() == self._seen:
            return False
        now = await self._settled()
        is_change, self._seen = now != self._seen, now
        return is_change

    async def _settled(self) -> Signature:
        """The files when they have stopped changing, or after a while."""
        now = self._look_over_gaps()
        for _ in range(round(LONGEST_SETTLING_SECONDS / SETTLING_SECONDS)):
            await self.clock.sleep(SETTLING_SECONDS)
            before, now = now, self._look_over_gaps()
            if now == before:
                break
        return now

    def _look_over_gaps(self) -> Signature:
        """What is there, and for what is gone for the moment what was there."""
        now, gone = self.look(), {}
        if self.file not in now:
            gone = {path: seen for path, seen in self._seen.items() if path == self.file}
        if not now.keys() - {self.file}:
            gone |= {path: seen for path, seen in self._seen.items() if path != self.file}
        return gone | now

    def look(self) -> Signature:
        """What tells one state of the files from another; missing files are left out."""
        paths = [self.file] if self.file else []
        if self.folder:
            paths += [path for path in _children(self.folder) if path.suffix in {".yml", ".yaml"}]
        return {path: signature for path in paths if (signature := _signature(path))}


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _signature(path: Path) -> tuple[int, ...]:
    """Follows links, so that a swapped link shows as another file.

    The inode's own time (ctime) shows edits that keep size and modification time, like those of `cp -p`.
    """
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
