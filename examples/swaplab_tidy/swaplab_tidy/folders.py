"""How full a folder is. The one module of this plugin that looks at the world."""

from __future__ import annotations

import shutil
from pathlib import Path

from attrs import frozen


@frozen
class Usage:
    """A folder and the disk it is on; sizes are bytes, `files` counts what lies in the folder itself."""

    folder: str
    exists: bool
    files: int = 0
    used: int = 0
    total: int = 0

    @property
    def percent(self) -> float:
        """How full the disk is."""
        return round(100 * self.used / self.total, 1) if self.total else 0.0


def look(folder: str) -> Usage:
    """Look at one folder; blocks for as long as the disk takes."""
    path = Path(folder).expanduser()
    if not path.is_dir():
        return Usage(folder, exists=False)
    disk = shutil.disk_usage(path)
    return Usage(folder, exists=True, files=sum(1 for _ in path.iterdir()), used=disk.used, total=disk.total)
