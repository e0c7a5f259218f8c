"""The files of this plugin: inventory, what was chosen in the UI, pinned host keys. Blocking: call in a thread."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import orjson
from attrs import frozen

from swaplab_cluster.draining import Drains
from swaplab_cluster.inventory_file import Read, parse
from swaplab_cluster.settings import MODES, Chosen
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.problem import Problem


@frozen
class ClusterFiles:
    """`state` is the plugin's folder, `environment_file` another place for what was chosen in the UI."""

    state: Path
    chosen_file: Path | None = None

    @property
    def settings_file(self) -> Path:
        """What was chosen in the UI."""
        return self.chosen_file or self.state / "cluster_settings.json"

    def read_chosen(self) -> Chosen:
        """What was chosen; nothing when there is no such file, or a broken one."""
        try:
            value = orjson.loads(self.settings_file.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return Chosen()
        if not isinstance(value, dict):
            return Chosen()
        mode = str(value.get("ExecMode") or "")
        return Chosen(mode if mode in MODES else "", str(value.get("InventoryFile") or ""))

    @property
    def drains_file(self) -> Path:
        """What is drained, kept over restarts."""
        return self.state / "drains.json"

    def read_drains(self) -> Drains:
        """What is drained; nothing when there is no such file, or a broken one."""
        try:
            value = orjson.loads(self.drains_file.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return Drains()
        nodes, models = value.get("nodes"), value.get("models")
        return Drains(dict(nodes or {}), dict(models or {}))

    def write_drains(self, drains: Drains) -> None:
        """Keep it."""
        value = {"nodes": dict(drains.nodes), "models": dict(drains.models)}
        write(self.drains_file, orjson.dumps(value).decode() + "\n", mode=0o600)

    def write_chosen(self, chosen: Chosen) -> None:
        """Keep it; nothing chosen removes the file."""
        if chosen.is_empty:
            self.settings_file.unlink(missing_ok=True)
            return
        value = {"ExecMode": chosen.exec_mode, "InventoryFile": chosen.inventory_file}
        write(self.settings_file, orjson.dumps(value).decode() + "\n", mode=0o600)


def read_inventory(file: Path) -> Read:
    """Read an inventory; a file that cannot be read is a problem too."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        return Read(None, (Problem(f"cannot be read: {said}", "name another inventory", file=str(file)),))
    return parse(text, str(file))


def read_text(file: Path) -> str:
    """The text, "" when there is no such file."""
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def write(file: Path, text: str, *, mode: int) -> None:
    """Write a file at once: whoever reads it sees the old text or the new. Raises InvalidRequest when it cannot be."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as written:
                written.write(text)
                written.flush()
                os.fsync(written.fileno())
            Path(name).chmod(mode)
            Path(name).replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        said = error.strerror or str(error)
        raise InvalidRequest(f"{file} cannot be written: {said}", advice="choose another place") from error
