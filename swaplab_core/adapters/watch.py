"""Noticing that configuration files have changed, by looking at them again and again.

Looking (stat) works where notifications do not: bind mounts, and the symlink swaps of Kubernetes. A change is reported
once the files have stopped changing, so that a half-written one is usually not seen; a file that is gone is not a
change, one that is back is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import define, field

from swaplab_core.ports import Clock

INTERVAL_SECONDS = 0.5
SETTLING_SECONDS = 0.1

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
        now = self.look()
        if now == self._seen:
            return False
        while (later := await self._look_again()) != now:
            now = later
        if self._is_passing(now):
            return False
        self._seen = now
        return True

    def _is_passing(self, now: Signature) -> bool:
        """A file that is gone, or a folder without files, is a moment of somebody else's writing."""
        without_file = self.file is not None and self.file not in now
        without_fragments = self.folder is not None and not now.keys() - {self.file}
        return without_file or without_fragments

    async def _look_again(self) -> Signature:
        await self.clock.sleep(SETTLING_SECONDS)
        return self.look()

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
    """Follows links, so that a swapped link shows as another file."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
