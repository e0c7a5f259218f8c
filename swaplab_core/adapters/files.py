"""Reading configuration files, and writing one so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from swaplab_core.config.load import Source
from swaplab_core.domain.errors import ConfigError
from swaplab_core.domain.problem import Problem


def read_sources(file: Path | None, folder: Path | None) -> list[Source]:
    """Read the file, then the folder's own `*.yml` and `*.yaml` in order. Raises ConfigError if one cannot be read."""
    paths = ([file] if file else []) + (_fragments(folder) if folder else [])
    if not paths:
        raise ConfigError([Problem("no configuration file was found", "give --config FILE, or --config-dir FOLDER")])
    if file and any(path.resolve() == file.resolve() for path in paths[1:]):
        message = "the file is named by --config and lies in --config-dir as well"
        raise ConfigError([Problem(message, "name it once", file=str(file))])
    return [_read(path) for path in paths]


def _fragments(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError([Problem("is not a folder", "give --config-dir a folder of YAML files", file=str(folder))])
    try:
        return sorted(_yaml_files(folder))
    except OSError as error:
        problem = Problem(f"cannot be read: {error.strerror}", "check its permissions", file=str(folder))
        raise ConfigError([problem]) from None


def _yaml_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.suffix in {".yml", ".yaml"} and path.is_file())


def _read(path: Path) -> Source:
    try:
        return Source(str(path), path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        problem = Problem("there is no such file", "check the path given to --config", file=str(path))
    except IsADirectoryError as error:
        problem = Problem(f"cannot be read: {error.strerror}", "give a folder with --config-dir", file=str(path))
    except UnicodeDecodeError as error:
        problem = Problem(f"is not UTF-8 text (byte {error.start})", "save it as UTF-8", file=str(path))
    except OSError as error:
        problem = Problem(f"cannot be read: {error.strerror}", "check the path and its permissions", file=str(path))
    raise ConfigError([problem]) from None


def read_text(path: Path) -> str:
    """Read a file as it is, a byte-order mark included. Raises ConfigError."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        problem = Problem(f"is not UTF-8 text (byte {error.start})", "save it as UTF-8", file=str(path))
    except OSError as error:
        problem = Problem(f"cannot be read: {error.strerror}", "check the path and its permissions", file=str(path))
    raise ConfigError([problem]) from None


def replace_text(path: Path, text: str) -> None:
    """Write a file in one step: after a crash it holds the old text or the new one. Mode and owner stay.

    A link is followed. A file that cannot be replaced, as one mounted into a container, is written in place. Raises
    ConfigError.
    """
    target = path.resolve()
    try:
        try:
            _replace(target, text.encode())
        except OSError as error:
            if error.errno not in {errno.EBUSY, errno.EXDEV} or not target.is_file():
                raise
            _overwrite(target, text.encode())
    except OSError as error:
        problem = Problem(f"cannot be written: {error.strerror}", "check the rights of file and folder", file=str(path))
        raise ConfigError([problem]) from None


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _take_over(file.fileno(), target)
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _take_over(handle: int, old: Path) -> None:
    """Give the new file the rights of the old one, and its owner where we may."""
    if not old.exists():
        return
    status = old.stat()
    os.fchmod(handle, stat.S_IMODE(status.st_mode))
    with contextlib.suppress(PermissionError):
        os.fchown(handle, status.st_uid, status.st_gid)


def _overwrite(target: Path, data: bytes) -> None:
    with target.open("r+b") as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
