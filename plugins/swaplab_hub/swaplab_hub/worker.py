"""The process that talks to the hub and changes the cache: the only one that imports `huggingface_hub`.

    python -P -m swaplab_hub.worker search|files|download|delete …

The daemon stays small, a library that blocks blocks nobody, and a cancelled job is a process group that ends. It
prints JSON, but for a download, whose output is the log of its job. The access token is found by the library, in the
environment or in its file, and never stands in an argument. How it ends is told in `failures`.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from swaplab_hub import names
from swaplab_hub.explain import explain
from swaplab_hub.failures import Failure, Kind
from swaplab_hub.fetching import GIB, Order, download, leave, listing

SHOWN = 30


def main(argv: Sequence[str] | None = None) -> None:
    """Do one thing and leave."""
    asked = _parser().parse_args(argv)
    repo, revision = getattr(asked, "repo", ""), getattr(asked, "revision", "")
    try:
        answer = _VERBS[asked.verb](asked)
    except BaseException as error:
        failure = explain(error, repo, revision)
        print(failure.line(), flush=True)  # noqa: T201 - this is its output
        leave(int(failure.kind))
        raise
    print(json.dumps(answer), flush=True)  # noqa: T201 - the answer
    leave(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="swaplab_hub.worker")
    verbs = parser.add_subparsers(dest="verb", required=True)
    search = verbs.add_parser("search")
    search.add_argument("--filter", default="")
    search.add_argument("query")
    files = verbs.add_parser("files")
    fetch = verbs.add_parser("download")
    for each in (files, fetch):
        each.add_argument("--revision", default="")
        each.add_argument("repo")
    fetch.add_argument("--cache", type=Path, required=True)
    fetch.add_argument("--weights", default="auto")
    fetch.add_argument("--include", action="append", default=[])
    fetch.add_argument("--exclude", action="append", default=[])
    fetch.add_argument("--parallel", type=int, default=4)
    fetch.add_argument("--reserve", type=int, default=GIB)
    fetch.add_argument("--xet", action="store_true")
    delete = verbs.add_parser("delete")
    delete.add_argument("--cache", type=Path, required=True)
    return parser


def _search(asked: argparse.Namespace) -> Any:
    from huggingface_hub import HfApi  # noqa: PLC0415 - heavy

    found = HfApi().list_models(
        search=asked.query, filter=asked.filter or None, sort="downloads", limit=SHOWN,
        expand=["downloads", "gated", "lastModified", "likes", "pipeline_tag", "private", "tags"],
    )  # fmt: skip
    return [_shown(model) for model in found]


def _shown(model: Any) -> dict[str, Any]:
    modified = model.last_modified
    return {
        "id": model.id,
        "downloads": model.downloads or 0,
        "likes": model.likes or 0,
        "gated": bool(model.gated),
        "private": bool(model.private),
        "modified": modified.timestamp() if modified else None,
        "formats": [tag for tag in ("gguf", "safetensors") if tag in (model.tags or ())],
        "task": model.pipeline_tag or "",
    }


def _files(asked: argparse.Namespace) -> Any:
    found = listing(asked.repo, asked.revision)
    files = [[file.path, file.size, file.blob, file.is_large] for file in found.files]
    return {"repo": asked.repo, "commit": found.commit, "gated": found.gated, "files": files}


def _download(asked: argparse.Namespace) -> Any:
    order = Order(
        asked.repo, asked.cache, asked.revision, asked.weights, tuple(asked.include), tuple(asked.exclude),
        asked.parallel, asked.reserve, asked.xet,
    )  # fmt: skip
    return download(order)


def _delete(asked: argparse.Namespace) -> Any:
    """Delete what the plan on its input says, by the library, which also looks after content that it shares."""
    from huggingface_hub import DeleteCacheStrategy  # noqa: PLC0415 - heavy

    plan = json.load(sys.stdin)
    repo = _checked(asked.cache, plan)
    _refuse_while_locked(asked.cache / ".locks" / repo.name)
    paths = {
        "repos": [repo] if plan["everything"] else [],
        "snapshots": [repo / "snapshots" / commit for commit in plan["commits"] if not plan["everything"]],
        "refs": [repo / "refs" / ref for ref in plan["refs"]],
        "blobs": [repo / "blobs" / blob for blob in plan["blobs"]],
    }
    sets = {name: frozenset(found) for name, found in paths.items()}
    more: dict[str, Any] = {"expected_freed_size": plan["freed"], **sets}
    if "cache_dir" in DeleteCacheStrategy.__dataclass_fields__:  # older ones share nothing
        more["cache_dir"] = asked.cache
    DeleteCacheStrategy(**more).execute()
    left = [path for found in paths.values() for path in found if path.exists() or path.is_symlink()]
    if left:
        raise Failure(
            Kind.FORBIDDEN, f"{left[0]} could not be deleted", f"see whose files these are: ls -l {left[0].parent}"
        )
    return {"freed": plan["freed"]}


def _checked(cache: Path, plan: Mapping[str, Any]) -> Path:
    """The repository's folder, which must be a real one right below the cache; nothing may lead out of it."""
    folder = str(plan["folder"])
    repo = cache / folder
    if not names.is_folder(folder) or repo.is_symlink() or not repo.is_dir():
        raise Failure(Kind.CHOICE, f"{folder!r} is no repository in {cache}", "list the cache again")
    parts = [*plan["commits"], *plan["refs"], *plan["blobs"]]
    single = [*plan["commits"], *plan["blobs"]]
    if any(".." in part.split("/") or part.startswith("/") for part in parts) or any("/" in part for part in single):
        raise Failure(Kind.CHOICE, f"{folder} holds names that lead out of it", "delete it by hand")
    if any((repo / name).is_symlink() for name in ("blobs", "snapshots", "refs")):
        raise Failure(Kind.CHOICE, f"{repo} holds links in the place of folders", "delete it by hand")
    return repo


def _refuse_while_locked(locks: Path) -> None:
    """Another program that downloads a file of the repository holds its lock."""
    for lock in locks.glob("*.lock"):
        with lock.open("rb") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                message = f"{locks.name} is being downloaded by another program"
                raise Failure(Kind.BUSY, message, "wait until that has ended, or end it") from None


_VERBS = {"search": _search, "files": _files, "download": _download, "delete": _delete}

if __name__ == "__main__":
    main()
