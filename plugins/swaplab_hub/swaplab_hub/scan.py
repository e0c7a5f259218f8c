"""The cache as it is on disk: repositories with their revisions, blobs and what is not finished. Reads only; blocks.

The library's own scan leaves out a repository with one broken link, or with a download that was cancelled; this one
shows it and says what is wrong. Layout, below the cache's folder:

    models--org--name/blobs/<hash of the content>      files, each once; `*.incomplete` while it comes
                      snapshots/<commit>/<path>        links to them
                      refs/<branch or tag>             a commit
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from swaplab_hub import names, weights

INCOMPLETE = ".incomplete"
_BLOCK = 512


@frozen
class CachedFile:
    """One file of a revision; `blob` is the path of its content below the repository."""

    path: str
    size: int
    blob: str


@frozen
class Revision:
    """A commit that is there. `broken` are links that lead nowhere."""

    commit: str
    refs: tuple[str, ...]
    files: tuple[CachedFile, ...]
    modified: float
    broken: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """What it takes by itself, a content that it holds twice counted once."""
        return sum({file.blob: file.size for file in self.files}.values())


@frozen
class Repo:
    """One repository. Sizes in bytes, times in unix seconds.

    `blobs` and `incomplete` are sizes by name; `loose` are blobs that no revision uses; `foreign` is what no cache has.
    """

    folder: str
    path: Path
    revisions: tuple[Revision, ...] = ()
    blobs: Mapping[str, int] = field(factory=dict)
    incomplete: Mapping[str, int] = field(factory=dict)
    accessed: float = 0.0
    modified: float = 0.0
    foreign: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its name on the hub."""
        return names.id_of(self.folder)

    @property
    def kind(self) -> str:
        """model, dataset or space."""
        return names.kind_of(self.folder)

    @property
    def size(self) -> int:
        """All that deleting it would free."""
        copies = {
            f.blob: f.size for revision in self.revisions for f in revision.files if f.blob.startswith("snapshots/")
        }
        return sum(self.blobs.values()) + sum(self.incomplete.values()) + sum(copies.values())

    @property
    def loose(self) -> tuple[str, ...]:
        """Blobs that belong to no revision: a download was cancelled, or somebody has deleted links."""
        used = {file.blob for revision in self.revisions for file in revision.files}
        return tuple(name for name in self.blobs if f"blobs/{name}" not in used)

    @property
    def is_finished(self) -> bool:
        """Is all of it there?"""
        return bool(self.revisions) and not (self.incomplete or self.loose or any(r.broken for r in self.revisions))

    @property
    def newest(self) -> Revision | None:
        """The revision that an engine would load: of the main branch, else the latest."""
        by_ref = {ref: revision for revision in self.revisions for ref in revision.refs}
        latest = max(self.revisions, key=lambda revision: revision.modified, default=None)
        return by_ref.get("main", latest)

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of its weights."""
        return weights.formats(file.path for revision in self.revisions for file in revision.files)


def repo_folders(cache: Path) -> list[str]:
    """The folders of the cache that hold repositories; none when there is no cache. Raises OSError."""
    try:
        with os.scandir(cache) as entries:
            return sorted(e.name for e in entries if names.is_folder(e.name) and e.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []


def scan_repo(path: Path) -> Repo:
    """Read one repository. Raises OSError when its folder cannot be read."""
    blobs, incomplete, times = _blobs(path / "blobs")
    refs = _refs(path / "refs")
    revisions = tuple(_revision(path, folder, refs) for folder in _folders(path / "snapshots"))
    moments = times or [_stat(path)]
    return Repo(
        path.name,
        path,
        revisions,
        blobs,
        incomplete,
        accessed=max(each.st_atime for each in moments),
        modified=max(each.st_mtime for each in moments),
        foreign=tuple(sorted(name for name in os.listdir(path) if name not in _KNOWN)),  # noqa: PTH208 - names alone
    )


_KNOWN = frozenset({"blobs", "snapshots", "refs", "trees", ".no_exist", "CACHEDIR.TAG", ".gitignore", ".DS_Store"})


def fingerprint(path: Path) -> tuple[float, ...]:
    """Changes whenever a file of the repository comes or goes; much cheaper than reading it."""
    looked = [path, path / "blobs", path / "snapshots", path / "refs", *_folders(path / "snapshots")]
    return tuple(_stat(each).st_mtime for each in looked if each.exists())


def _blobs(folder: Path) -> tuple[dict[str, int], dict[str, int], list[os.stat_result]]:
    blobs: dict[str, int] = {}
    incomplete: dict[str, int] = {}
    times = []
    for entry in _entries(folder):
        found = _followed(entry)
        if found is None or not stat.S_ISREG(found.st_mode):
            continue
        if entry.name.endswith(INCOMPLETE):
            incomplete[entry.name] = min(found.st_size, found.st_blocks * _BLOCK)
        else:
            blobs[entry.name] = found.st_size
            times.append(found)
    return blobs, incomplete, times


def _refs(folder: Path) -> dict[str, tuple[str, ...]]:
    """Branches and tags by the commit they stand for."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(_walk(folder)):
        try:
            commit = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            continue
        found[commit] = (*found.get(commit, ()), path.relative_to(folder).as_posix())
    return found


def _revision(repo: Path, folder: Path, refs: Mapping[str, tuple[str, ...]]) -> Revision:
    files, broken = [], []
    modified = _stat(folder).st_mtime
    for path in sorted(_walk(folder)):
        name = path.relative_to(folder).as_posix()
        try:
            found = path.stat()
        except OSError:
            broken.append(name)
            continue
        files.append(CachedFile(name, found.st_size, _content(repo, path)))
        modified = max(modified, found.st_mtime)
    return Revision(folder.name, refs.get(folder.name, ()), tuple(files), modified, tuple(broken))


def _content(repo: Path, path: Path) -> str:
    """Where the content of a file is, below the repository: one hop, a blob may itself lead into a common store."""
    target = Path(os.path.normpath(path.parent / path.readlink())) if path.is_symlink() else path
    return target.relative_to(repo).as_posix() if target.is_relative_to(repo) else str(target)


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder; links to folders are files."""
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _folders(folder: Path) -> list[Path]:
    return sorted(Path(entry.path) for entry in _entries(folder) if entry.is_dir(follow_symlinks=False))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _followed(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:
        return None


def _stat(path: Path) -> os.stat_result:
    return path.stat()
