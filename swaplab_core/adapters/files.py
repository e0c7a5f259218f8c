"""Reading configuration files."""

from __future__ import annotations

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
    except UnicodeDecodeError as error:
        problem = Problem(f"is not UTF-8 text (byte {error.start})", "save it as UTF-8", file=str(path))
    except OSError as error:
        problem = Problem(f"cannot be read: {error.strerror}", "check the path and its permissions", file=str(path))
    raise ConfigError([problem]) from None
