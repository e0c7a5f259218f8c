"""Recipe folders on disk: what stands in a backend's folder, and the recipes below it. Reads; writes only recipes.

Everything blocks, so it is called in threads. A file is read again only when its time or size has changed.
"""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from attrs import define, field, frozen

from swaplab_core.adapters.files import replace_text
from swaplab_core.domain.backend import RECIPES, FolderFacts, GitFacts
from swaplab_core.domain.errors import ConfigError, Conflict, FileFailed, NotThere

LARGEST_FILE = 256 * 1024
MOST_FILES = 5_000
SCRIPTS = frozenset({".sh", ".py"})
IMAGE_FILE = re.compile(r"\.llama-swap-\w+-source-image")
"""Where older control planes kept the image that a person chose for a folder."""


@frozen
class RecipeFile:
    """One file below a recipe folder. `text` is None when it cannot be read, and `error` says why."""

    relative: PurePosixPath
    path: Path
    text: str | None
    error: str
    updated_at: float

    @property
    def revision(self) -> str:
        """The text in one word; "" when it cannot be read."""
        return "" if self.text is None else revision_of(self.text)


def revision_of(text: str) -> str:
    """Return what changes when a text does."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@define(eq=False)
class RecipeFolders:
    """Looks at folders, and remembers the texts it has read."""

    _texts: dict[Path, tuple[int, int, str]] = field(factory=dict, init=False)

    def look(self, folder: Path) -> FolderFacts | None:
        """Return what stands in a folder; None when it is none, or cannot be read."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return None
        files = {entry.name for entry in entries if entry.is_file()}
        folders = {entry.name for entry in entries if entry.is_dir()}
        scripts = [
            folder / name for name in sorted(files) if Path(name).suffix in SCRIPTS or IMAGE_FILE.fullmatch(name)
        ]
        texts = {path.name: text for path in scripts if (text := self._text_or_none(path)) is not None}
        return FolderFacts(
            path=PurePosixPath(folder),
            files=frozenset(files),
            folders=frozenset(folders),
            below=frozenset(_below(folder, folders)),
            executables=frozenset(name for name in files if os.access(folder / name, os.X_OK)),
            texts=texts,
            git=_git(folder / ".git") if ".git" in folders else None,
            tags={name: _tags(folder / name / ".git") for name in sorted(folders) if (folder / name / ".git").is_dir()},
            stamp=revision_of("\0".join(f"{name}\0{text}" for name, text in texts.items())),
        )

    def children(self, root: Path) -> list[Path]:
        """Return the folders in a folder, in order; none when it cannot be read."""
        try:
            return sorted(Path(entry.path) for entry in os.scandir(root) if entry.is_dir())
        except OSError:
            return []

    def scan(self, root: Path, suffixes: frozenset[str]) -> list[RecipeFile]:
        """Return every recipe file below a folder, in order; links to folders are not followed."""
        found: list[RecipeFile] = []
        for folder, inner, names in os.walk(root):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            wanted = (Path(folder) / name for name in sorted(names) if not name.startswith("."))
            found += [self._file(root, path) for path in wanted if path.suffix.lower() in suffixes]
            if len(found) > MOST_FILES:
                break
        return found

    def read(self, root: Path, path: Path) -> RecipeFile:
        """Return one file as it is now. Raises NotThere."""
        if not path.is_file():
            raise NotThere(f"there is no recipe {path}", advice="it was moved or deleted; look at the list again")
        return self._file(root, path)

    def write(self, path: Path, text: str, *, based_on: str | None) -> None:
        """Write a recipe in one step; its folders are made. `based_on` is the revision it replaces, "" for none.

        Raises Conflict when the file is another one meanwhile, and FileFailed when it cannot be written.
        """
        current = self._text_or_none(path)
        if based_on is not None and based_on != ("" if current is None else revision_of(current)):
            raise Conflict(f"{path.name} was changed by somebody else meanwhile", advice="load it again, then save")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{path.parent} cannot be made: {error.strerror}"
            raise FileFailed(message, advice="check its permissions") from None
        try:
            replace_text(path, text)
        except ConfigError as error:
            raise FileFailed(str(error)) from None

    def delete(self, path: Path) -> bool:
        """Delete a recipe, and the folders that this leaves empty up to its root; False when it was not there."""
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            message = f"{path} cannot be deleted: {error.strerror}"
            raise FileFailed(message, advice="check its permissions") from None
        return True

    def _file(self, root: Path, path: Path) -> RecipeFile:
        relative = PurePosixPath(path.relative_to(root))
        try:
            status = path.stat()
            text = self._text(path, status)
        except UnicodeDecodeError as error:
            return RecipeFile(relative, path, None, f"is not UTF-8 text (byte {error.start})", 0.0)
        except OSError as error:
            return RecipeFile(relative, path, None, f"cannot be read: {error.strerror or error}", 0.0)
        return RecipeFile(relative, path, text, "", status.st_mtime)

    def _text(self, path: Path, status: os.stat_result) -> str:
        known = self._texts.get(path)
        if known is not None and known[:2] == (status.st_mtime_ns, status.st_size):
            return known[2]
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
            raise OSError(f"is no regular file of at most {LARGEST_FILE // 1024} KiB")
        text = path.read_bytes().decode("utf-8")
        self._texts[path] = (status.st_mtime_ns, status.st_size, text)
        return text

    def _text_or_none(self, path: Path) -> str | None:
        try:
            return self._text(path, path.stat())
        except (OSError, UnicodeDecodeError):
            return None


def _below(folder: Path, names: Sequence[str] | set[str]) -> Iterator[str]:
    for name in sorted(names):
        if name.startswith(".") or name == RECIPES:
            continue
        with contextlib.suppress(OSError):
            for number, entry in enumerate(os.scandir(folder / name)):
                if number >= MOST_FILES:
                    break
                yield f"{name}/{entry.name}"


def _git(folder: Path) -> GitFacts:
    """Read what `.git` says of itself; running git would cost a process for each folder and look."""
    head = _line(folder / "HEAD")
    branch = head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else ""
    commit = _commit(folder, branch) if branch else head
    return GitFacts(_origin(folder / "config"), branch, commit[:40])


def _tags(git: Path) -> tuple[str, ...]:
    names: set[str] = set()
    with contextlib.suppress(OSError):
        names.update(entry.name for entry in os.scandir(git / "refs" / "tags"))
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in (git / "packed-refs").read_text().splitlines():
            _, _, name = line.partition(" refs/tags/")
            if name:
                names.add(name)
    return tuple(sorted(names))


def _commit(folder: Path, branch: str) -> str:
    if loose := _line(folder / "refs" / "heads" / branch):
        return loose
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in (folder / "packed-refs").read_text().splitlines():
            commit, _, name = line.partition(" ")
            if name == f"refs/heads/{branch}":
                return commit
    return ""


def _origin(config: Path) -> str:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    with contextlib.suppress(OSError, UnicodeDecodeError, configparser.Error):
        parser.read_string(config.read_text())
        return parser.get('remote "origin"', "url", fallback="")
    return ""


def _line(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip()
    return ""
