"""Where recipes and backend folders are looked for: pure, from the environment, the configuration and some paths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen

LAB = "swap-laboratories"
DEFAULT_BACKEND = "spark-vllm-docker"

BACKEND_DIR = "LLAMA_SWAP_RECIPES_BACKEND_DIR"
OVERRIDE_FILE = "LLAMA_SWAP_RECIPES_BACKEND_OVERRIDE_FILE"
RECIPES_DIR = "LLAMA_SWAP_RECIPES_DIR"
LOCAL_RECIPES_DIR = "LLAMA_SWAP_LOCAL_RECIPES_DIR"
CONFIG_PATH = "LLAMA_SWAP_CONFIG_PATH"


@frozen
class Surroundings:
    """What paths follow from. `config` is the folder of the configuration file; the last two are its own settings."""

    environment: Mapping[str, str]
    home: Path
    cwd: Path
    config: Path | None
    backends: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def path(self, text: str) -> Path:
        """Read a path as a person wrote it: `~` is the home, a relative one starts at the configuration."""
        if text == "~" or text.startswith("~/"):
            return self.home / text[2:]
        return (self.config or self.cwd) / text

    def variable(self, name: str) -> Path | None:
        """Read a path from the environment; None when it is not set."""
        text = self.environment.get(name, "").strip()
        return self.path(text) if text else None


def user_folders(here: Surroundings) -> tuple[Path, ...]:
    """The folders that may hold recipes of the user's, best first; new recipes go into the first."""
    named = [here.variable(RECIPES_DIR), *map(here.path, here.folders), here.variable(LOCAL_RECIPES_DIR)]
    beside = [folder / "recipes" for folder in _bases(here)]
    return _each_once([*named, *beside])


def backend_folders(here: Surroundings) -> tuple[Path, ...]:
    """The folders that hold backend folders, in order."""
    return _each_once([*map(here.path, here.backends), *(folder / "backend" for folder in _bases(here))])


def default_backend(here: Surroundings) -> Path:
    """The active backend when nobody has chosen one."""
    return here.home / LAB / "backend" / DEFAULT_BACKEND


def override_file(here: Surroundings) -> Path:
    """Where the choice of the active backend is kept."""
    named = here.variable(OVERRIDE_FILE)
    if named is not None:
        return named
    if here.config is not None:
        return here.config / ".recipes_backend_dir"
    return here.home / ".config" / "llama-swap" / ".recipes_backend_dir"


def _bases(here: Surroundings) -> list[Path]:
    """The folders beside which recipes and backends lie."""
    variable = here.variable(CONFIG_PATH)
    bases = [variable.parent if variable else None, here.config, here.cwd, here.home / LAB]
    return [base for base in bases if base is not None]


def _each_once(paths: Iterable[Path | None]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(path for path in paths if path is not None))
