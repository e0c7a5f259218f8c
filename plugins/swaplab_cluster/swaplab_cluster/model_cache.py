"""The model cache over the cluster: which node has which revision, complete or not. Pure.

The cache has the layout of the Hugging Face hub: `models--org--name/{refs,blobs,snapshots}`; a blob is named by its
hash, so a copy can be verified without asking anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from attrs import field, frozen

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.plan import Command

FOLDER = "~/.cache/huggingface/hub"
"""Where it is unless somebody says otherwise."""
SHELL = ("sh", "-s", "--")
_REPO = re.compile(r"(models|datasets)--[A-Za-z0-9][A-Za-z0-9._-]{0,95}(--[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")


@frozen
class CachedModel:
    """One repository on one node. `incomplete` counts blobs that are still being downloaded, `missing` dead links."""

    repo: str
    revisions: tuple[str, ...] = ()
    blobs: int = 0
    bytes: int = 0
    incomplete: int = 0
    missing: int = 0

    @property
    def is_complete(self) -> bool:
        """Is all of it there?"""
        return self.incomplete == 0 and self.missing == 0 and bool(self.revisions)


def is_repo(name: str) -> bool:
    """The name of a folder of the hub's cache; nothing else is ever copied or deleted."""
    return _REPO.fullmatch(name) is not None and ".." not in name


def script() -> str:
    """The script that lists, verifies or deletes."""
    return files("swaplab_cluster").joinpath("data/cache.sh").read_text(encoding="utf-8")


def command(text: str, verb: str, folder: str, repo: str = "") -> Command:
    """The command for one of its verbs: list, verify, delete. The script is its input, so a plan stays readable."""
    if verb not in {"list", "verify", "delete"}:
        raise InvalidRequest(f"{verb!r} is nothing that can be done to a cache")
    if repo and not is_repo(repo):
        raise InvalidRequest(f"{repo!r} is no folder of a model cache", advice="write models--ORG--NAME")
    return Command((*SHELL, verb, folder, *((repo,) if repo else ())), stdin=text.encode())


def asked(argv: Sequence[str], stdin: bytes, text: str) -> tuple[str, str, str] | None:
    """Verb, folder and repository of such a command; None when it is another one."""
    if tuple(argv[: len(SHELL)]) != SHELL or stdin != text.encode() or not 5 <= len(argv) <= 6:
        return None
    verb, folder, repo = (*argv[len(SHELL) :], "")[:3]
    return verb, folder, repo


def read(text: str) -> tuple[CachedModel, ...]:
    """Read what `list` printed: `repo|blobs|bytes|incomplete|missing|rev,rev`."""
    found = []
    for line in text.splitlines():
        if not line.startswith("@model "):
            continue
        columns = line.removeprefix("@model ").split("|")
        if len(columns) != 6 or not is_repo(columns[0]) or not all(column.isdecimal() for column in columns[1:5]):
            continue
        blobs, size, incomplete, missing = map(int, columns[1:5])
        revisions = tuple(revision for revision in columns[5].split(",") if revision)
        found.append(CachedModel(columns[0], revisions, blobs, size, incomplete, missing))
    return tuple(found)


@frozen
class CacheOfNode:
    """The cache of one node, or why it is not known."""

    node: str
    models: tuple[CachedModel, ...] = ()
    error: str = ""
    by_repo: Mapping[str, CachedModel] = field(init=False)

    @by_repo.default
    def _by_repo(self) -> Mapping[str, CachedModel]:
        return {model.repo: model for model in self.models}


def record(cache: CacheOfNode) -> dict[str, Any]:
    """What the API tells of one node."""
    models = [
        {
            "repo": model.repo,
            "revisions": list(model.revisions),
            "bytes": model.bytes,
            "blobs": model.blobs,
            "filesToGo": model.incomplete + model.missing,
            "complete": model.is_complete,
        }
        for model in cache.models
    ]
    return {"node": cache.node, "models": models, **({"error": cache.error} if cache.error else {})}


def users(repo: str, models: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """The models whose entry names a repository, anywhere in it: `org/name`, or its folder."""
    named = "|".join(re.escape(name) for name in (_title(repo), repo))
    pattern = re.compile(rf"(?<![\w.-])(?:{named})(?![\w-]|\.\w)", re.IGNORECASE)
    return tuple(model for model, entry in models.items() if pattern.search(f"{model} {entry}"))


def matrix(caches: Sequence[CacheOfNode]) -> dict[str, Any]:
    """Repositories by nodes, as the `matrix` view wants it."""
    repos = sorted({model.repo for cache in caches for model in cache.models})
    newest = {repo: _newest(repo, caches) for repo in repos}
    return {
        "rows": [{"id": repo, "title": _title(repo)} for repo in repos],
        "columns": [{"id": cache.node, "title": cache.node} for cache in caches],
        "cells": {repo: {cache.node: _cell(cache, repo, newest[repo]) for cache in caches} for repo in repos},
    }


def _newest(repo: str, caches: Sequence[CacheOfNode]) -> set[str]:
    """The revisions that any node has."""
    return {revision for cache in caches if repo in cache.by_repo for revision in cache.by_repo[repo].revisions}


def _title(repo: str) -> str:
    return "/".join(repo.split("--")[1:])


def _cell(cache: CacheOfNode, repo: str, known: set[str]) -> dict[str, str]:
    if cache.error:
        return {"state": "err", "text": "", "title": cache.error}
    model = cache.by_repo.get(repo)
    if model is None:
        return {"state": "na", "text": "", "title": "not there"}
    size = f"{model.bytes / 2**30:.1f} GiB"
    if not model.is_complete:
        return {
            "state": "warn",
            "text": f"{size} incomplete",
            "title": f"{model.incomplete + model.missing} files to go",
        }
    lacking = len(known - set(model.revisions))
    title = f"revisions: {', '.join(revision[:8] for revision in model.revisions)}"
    return {
        "state": "warn" if lacking else "ok",
        "text": size,
        "title": f"{title}; {lacking} not there" if lacking else title,
    }
