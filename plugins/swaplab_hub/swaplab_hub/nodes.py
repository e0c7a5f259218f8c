"""The caches of other machines: a small script that any executor can run there, and what it prints. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from attrs import field, frozen

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import Command
from swaplab_hub import names

SHELL = ("sh", "-s", "--")


@frozen
class RemoteRepo:
    """One model on another machine."""

    folder: str
    size: int
    unfinished: int
    revisions: tuple[str, ...] = ()


@frozen
class NodeCache:
    """The cache of one machine, or why it is not known."""

    node: str
    title: str
    repos: Mapping[str, RemoteRepo] = field(factory=dict)
    free: int | None = None
    error: str = ""


def script() -> str:
    """Read the script. Blocks for an instant."""
    return files("swaplab_hub").joinpath("data/cache.sh").read_text(encoding="utf-8")


def place_there(cache: Path, home: Path) -> str:
    """Name the cache's folder for another machine: below the home it is below the login's home there."""
    return f"~/{cache.relative_to(home)}" if cache.is_relative_to(home) else str(cache)


def listing_command(folder: str) -> Command:
    """Make the command that lists a cache."""
    return Command((*SHELL, "list", folder), stdin=script().encode())


def deletion_command(folder: str, repo: str) -> Command:
    """Make the command that deletes a model. Raises InvalidRequest."""
    if not names.is_folder(repo) or not repo.startswith(names.PREFIX):
        raise InvalidRequest(f"{repo!r} is no model", advice="write models--organisation--name")
    return Command((*SHELL, "delete", folder, repo), stdin=script().encode())


def read(node: str, title: str, text: str) -> NodeCache:
    """Read what the listing printed; lines of others are passed over."""
    repos: dict[str, RemoteRepo] = {}
    free: int | None = None
    for line in text.splitlines():
        match line.split(" "):
            case ["@free", amount] if amount.isdecimal():
                free = int(amount)
            case ["@", folder, size, unfinished, *revisions] if size.isdecimal() and unfinished.isdecimal():
                if names.is_folder(folder):
                    commits = tuple(commit for commit in "".join(revisions).split(",") if commit)
                    repos[folder] = RemoteRepo(folder, int(size), int(unfinished), commits)
            case _:
                continue
    return NodeCache(node, title, repos, free)


def matrix(caches: Sequence[NodeCache]) -> dict[str, Any]:
    """Models by machines, as the `matrix` view wants it."""
    folders = sorted({folder for cache in caches for folder in cache.repos})
    newest = {folder: {c for cache in caches for c in _revisions(cache, folder)} for folder in folders}
    return {
        "rows": [{"id": folder, "title": names.id_of(folder)} for folder in folders],
        "columns": [{"id": cache.node or "local", "title": cache.title} for cache in caches],
        "cells": {
            folder: {cache.node or "local": _cell(cache, folder, newest[folder]) for cache in caches}
            for folder in folders
        },
    }


def _revisions(cache: NodeCache, folder: str) -> tuple[str, ...]:
    found = cache.repos.get(folder)
    return found.revisions if found else ()


def _cell(cache: NodeCache, folder: str, known: set[str]) -> dict[str, str]:
    if cache.error:
        return {"state": "err", "text": "", "title": cache.error}
    found = cache.repos.get(folder)
    if found is None:
        return {"state": "na", "text": "", "title": "not there"}
    text = f"{found.size / 2**30:.1f} GiB"
    if found.unfinished or not found.revisions:
        return {"state": "warn", "text": f"{text}, not finished", "title": f"{found.unfinished} files to go"}
    if lacking := known - set(found.revisions):
        return {"state": "warn", "text": text, "title": f"{len(lacking)} revisions of others are not there"}
    return {"state": "ok", "text": text, "title": ", ".join(commit[:8] for commit in found.revisions)}
