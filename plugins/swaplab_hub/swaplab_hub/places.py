"""Where the cache of the hub is, and who says so; the folder that was chosen on the page is kept in a file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from swaplab_core.domain.errors import FileFailed, InvalidRequest

HUB_PATH = "LLAMA_SWAP_HF_HUB_PATH"
OVERRIDE_FILE = "LLAMA_SWAP_HF_HUB_PATH_OVERRIDE_FILE"


@frozen
class Surroundings:
    """What the place follows from. `config` is the folder of the configuration file, `setting` its own word."""

    environment: Mapping[str, str]
    home: Path
    config: Path | None = None
    setting: str = ""


@frozen
class Place:
    """The cache: its folder, and who says so: `chosen`, the name of a setting or variable, or `default`."""

    folder: Path
    source: str


@frozen
class Room:
    """The disk of a folder, in bytes."""

    total: int
    free: int


def find(here: Surroundings, chosen: str) -> Place:
    """The first that says anything: the choice, the fork's variable, the settings, the library's variables."""
    for source, text in _said(here, chosen):
        if text.strip():
            return Place(_path(here, text.strip()), source)
    return Place(here.home / ".cache" / "huggingface" / "hub", "default")


def _said(here: Surroundings, chosen: str) -> Iterator[tuple[str, str]]:
    environment = here.environment
    yield "chosen", chosen
    yield HUB_PATH, environment.get(HUB_PATH, "")
    yield "plugins.hub.cache", here.setting
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        yield name, environment.get(name, "")
    for name, below in (("HF_HOME", "hub"), ("XDG_CACHE_HOME", "huggingface/hub")):
        yield name, f"{environment[name]}/{below}" if environment.get(name) else ""


def _path(here: Surroundings, text: str) -> Path:
    text = os.path.expandvars(text)
    if text == "~" or text.startswith("~/"):
        return here.home / text[2:]
    return Path(os.path.normpath((here.config or Path.cwd()) / text))


def override_file(here: Surroundings) -> Path:
    """The file that keeps the choice."""
    named = here.environment.get(OVERRIDE_FILE, "").strip()
    if named:
        return _path(here, named)
    if here.config is not None:
        return here.config / ".hf_hub_path"
    return here.home / ".config" / "llama-swap" / ".hf_hub_path"


def chosen(here: Surroundings) -> str:
    """Read the choice, "" for none. Blocks."""
    try:
        return override_file(here).read_text(encoding="utf-8").strip().partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return ""


def choose(here: Surroundings, written: str) -> None:
    """Keep a choice, "" takes it back; the folder is made. Raises InvalidRequest and FileFailed. Blocks."""
    file, text = override_file(here), written.strip()
    if not text:
        with _told(file):
            file.unlink(missing_ok=True)
        return
    if not text.isprintable():
        raise InvalidRequest("hubPath must be one line", advice="write an absolute path")
    folder = _path(here, text)
    if not Path(os.path.expandvars(text)).is_absolute() and not text.startswith("~"):
        raise InvalidRequest(f"{text!r} is no absolute path", advice="begin it with / or ~/")
    if folder.exists() and not folder.is_dir():
        raise InvalidRequest(f"{folder} is a file", advice="name a folder")
    with _told(folder):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _told(file):
        _replace(file, f"{folder}\n")


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    Path(name).replace(file)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise FileFailed(message, advice="check its permissions, or choose another folder") from None
