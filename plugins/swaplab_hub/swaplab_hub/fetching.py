"""A download, as the worker does it: what is missing, is there room, the large files, then the library's own work.

The library begins a large file anew when its download was interrupted. So large files are fetched here, to the place
in the cache where the library looks for them, under the library's lock: a file that was begun goes on where it ended,
and counts only when its content has the hash that it is named by. All else, links, branches, small files, is left to
`snapshot_download`, so the cache is exactly what every other program expects.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any

from attrs import frozen

from swaplab_hub import names
from swaplab_hub.failures import Failure, Kind
from swaplab_hub.weights import RemoteFile, select

LARGE_BYTES = 4 * 2**20
LARGEST_BYTES = 50 * 10**9
"""What plain HTTP can fetch from the hub; above that only the library's own transfer can."""
TICK_SECONDS = 0.5
READ_BYTES = 4 * 2**20
CHUNK_BYTES = 256 * 2**10
GIB = 2**30


@frozen
class Order:
    """What to download, whereto."""

    repo: str
    cache: Path
    revision: str = ""
    weights: str = "auto"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parallel: int = 4
    reserve: int = GIB
    xet: bool = False

    @property
    def folder(self) -> Path:
        """The repository's folder."""
        return self.cache / names.folder_of(self.repo)


@frozen
class Listing:
    """A repository at one commit."""

    commit: str
    gated: bool
    files: tuple[RemoteFile, ...]


def listing(repo: str, revision: str) -> Listing:
    """Ask the hub what there is."""
    from huggingface_hub import HfApi  # noqa: PLC0415 - heavy
    from huggingface_hub.hf_api import RepoFile  # noqa: PLC0415

    api = HfApi()
    info = api.model_info(repo, revision=revision or None, timeout=30)
    tree = api.list_repo_tree(repo, recursive=True, revision=info.sha)
    files = tuple(_remote(entry) for entry in tree if isinstance(entry, RepoFile))
    return Listing(str(info.sha), bool(info.gated), files)


def _remote(entry: Any) -> RemoteFile:
    if entry.lfs is None:
        return RemoteFile(entry.path, entry.size, entry.blob_id)
    return RemoteFile(entry.path, entry.lfs.size, entry.lfs.sha256, is_large=True)


def download(order: Order) -> dict[str, Any]:
    """Do it; answers what is there afterwards. Raises Failure, and whatever the library raises."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy

    found = listing(order.repo, order.revision)
    chosen = select(found.files, order.weights, order.include, order.exclude)
    if found.gated:
        _ask_for_access(order.repo)
    total = sum({file.blob: file.size for file in chosen}.values())
    missing = total - here(order.folder, chosen)
    print(f"{order.repo} at {found.commit[:8]}: {len(chosen)} files, {size(total)}, {size(missing)} to go", flush=True)  # noqa: T201 - the log of the job
    check_room(order, missing)
    with _telling(order.folder, chosen, total):
        _fetch(order, found.commit, [file for file in chosen if is_fetched(file, xet=order.xet)])
        path = snapshot_download(
            order.repo,
            revision=order.revision or None,
            cache_dir=order.cache,
            allow_patterns=[escape(file.path) for file in chosen],
            max_workers=order.parallel,
        )
    lacking = [file.path for file in chosen if not (Path(path) / file.path).exists()]
    if lacking:
        raise Failure(Kind.DAMAGED, f"{lacking[0]} did not arrive", "the repository has just changed: try again")
    return {"repo": order.repo, "revision": found.commit, "path": str(path), "bytes": total, "files": len(chosen)}


def is_fetched(file: RemoteFile, *, xet: bool) -> bool:
    """Is it one that is fetched here, so that it can go on?"""
    return file.is_large and file.size >= LARGE_BYTES and (file.size <= LARGEST_BYTES and not xet)


def here(folder: Path, files: Sequence[RemoteFile]) -> int:
    """How many bytes of these files are on disk already, those of unfinished ones too."""
    return sum(_present(folder / "blobs", blob, length) for blob, length in {f.blob: f.size for f in files}.items())


def _present(blobs: Path, blob: str, length: int) -> int:
    if (blobs / blob).exists():
        return length
    parts = [blobs / f"{blob}.incomplete", *blobs.glob(f"{escape(blob)}.*.incomplete")]
    return min(length, max((_length(part) for part in parts), default=0))


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def check_room(order: Order, missing: int) -> None:
    """Refuse what would fill the disk, before a byte is fetched. Raises Failure."""
    order.cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(order.cache).free
    if missing and missing > free - order.reserve:
        raise Failure(
            Kind.DISK_FULL,
            f"{size(missing)} are to come and {size(free)} are free in {order.cache}, of which {size(order.reserve)}"
            " stay free",
            "delete models that nobody uses, or choose another cache folder",
        )


def _ask_for_access(repo: str) -> None:
    from huggingface_hub import HfApi  # noqa: PLC0415 - heavy

    HfApi().auth_check(repo)


def _fetch(order: Order, commit: str, files: Sequence[RemoteFile]) -> None:
    """Fetch several at once; the first failure is raised without waiting for the others."""
    pool = ThreadPoolExecutor(order.parallel)
    unique = {file.blob: file for file in files}.values()
    waiting = [pool.submit(_fetch_one, order, commit, file) for file in unique]
    try:
        for each in waiting:
            each.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _fetch_one(order: Order, commit: str, file: RemoteFile) -> None:
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # noqa: PLC0415 - public, says its manual

    blob = order.folder / "blobs" / file.blob
    if blob.exists():
        return
    lock = order.cache / ".locks" / order.folder.name / f"{file.blob}.lock"
    for folder in (blob.parent, lock.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if not blob.exists():
            _complete(order, commit, file, blob)


def _complete(order: Order, commit: str, file: RemoteFile, blob: Path) -> None:
    """Fetch what is missing of a file; one whose content is wrong in the end is begun anew, once."""
    partial = blob.with_name(f"{blob.name}.incomplete")
    for attempt in (1, 2):
        if _length(partial) > file.size:
            partial.unlink()
        if (have := _length(partial)) > 0:
            print(f"{file.path}: going on at {size(have)} of {size(file.size)}", flush=True)  # noqa: T201 - the log of the job
        _get(order, commit, file, partial, have)
        if _sha256(partial) == file.blob:
            partial.replace(blob)
            return
        partial.unlink()
        print(f"{file.path}: its content is not what it should be (try {attempt})", flush=True)  # noqa: T201 - the job's log
    raise Failure(
        Kind.DAMAGED, f"{file.path} arrives damaged", "look at the line or the proxy between here and the hub"
    )


def _get(order: Order, commit: str, file: RemoteFile, partial: Path, have: int) -> None:
    from huggingface_hub import constants, hf_hub_url  # noqa: PLC0415 - heavy
    from huggingface_hub.file_download import http_get  # noqa: PLC0415
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # noqa: PLC0415 - public as well

    constants.DOWNLOAD_CHUNK_SIZE = CHUNK_BYTES  # what is smaller is lost when the line breaks, and never shown
    url = hf_hub_url(order.repo, file.path, revision=commit)
    with partial.open("ab") as opened:
        http_get(url, opened, resume_size=have, headers=build_hf_headers(), expected_size=file.size)


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        digest = hashlib.sha256()
        while block := opened.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


# how far it is


@contextmanager
def _telling(folder: Path, files: Sequence[RemoteFile], total: int) -> Iterator[None]:
    """Tell how far it is while the block runs, by what is on disk: that holds for every way in which bytes come."""
    over = threading.Event()
    thread = threading.Thread(target=_tell, args=(lambda: here(folder, files), total, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(present: Callable[[], int], total: int, over: threading.Event) -> None:
    began, before = time.monotonic(), present()
    is_over = False
    while True:
        now = present()
        took = time.monotonic() - began
        sys.stdout.write(progress_line(now, total, (now - before) / took if took > 1 else 0.0))
        sys.stdout.write("\n" if is_over else "\r")
        sys.stdout.flush()
        if is_over:
            return
        is_over = over.wait(TICK_SECONDS)


def progress_line(done: int, total: int, per_second: float) -> str:
    """One line; `swaplab_hub.library.read_progress` reads it."""
    share = 100.0 * done / total if total else 100.0
    speed = f", {size(int(per_second))}/s" if per_second > 0 else ""
    return f"{share:.1f}% {size(done)} of {size(total)}{speed}"


def size(count: int) -> str:
    """Write a number of bytes for people."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def leave(code: int) -> None:
    """End at once: threads that still fetch are not waited for, what they have is kept."""
    sys.stdout.flush()
    os._exit(code)
