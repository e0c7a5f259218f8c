"""Names of repositories, revisions and patterns: what may stand in them, and the folders they become. Pure."""

from __future__ import annotations

import re
from fnmatch import translate

from swaplab_core.domain.errors import InvalidRequest

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
PREFIX = "models--"

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_REPO = re.compile(rf"{_PART}(/{_PART})?")
_FOLDER = re.compile(rf"(models|datasets|spaces)--{_PART}")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
_LONGEST_PATTERN = 200


def is_folder(name: str) -> bool:
    """Return whether it is the name of a repository's folder in the cache; nothing else is ever deleted."""
    return _FOLDER.fullmatch(name) is not None and ".." not in name


def folder_of(repo: str) -> str:
    """Return the folder of a model."""
    return PREFIX + repo.replace("/", "--")


def id_of(folder: str) -> str:
    """Return the repository of a folder: of several `--` behind the kind only the first is a slash."""
    return folder.partition("--")[2].replace("--", "/", 1)


def kind_of(folder: str) -> str:
    """Return model, dataset or space."""
    return KINDS.get(folder.partition("--")[0], "")


def check_repo(text: str) -> str:
    """Return a repository's name, also of one given as a folder or an address. Raises InvalidRequest."""
    repo = re.sub(r"^https?://[^/]+/", "", text.strip()).removesuffix("/")
    repo = id_of(repo) if repo.startswith(PREFIX) else repo
    if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo:
        raise InvalidRequest(f"{text.strip()!r} is no model of the hub", advice="write organisation/name")
    return repo


def check_folder(text: str) -> str:
    """Return the name of a model's folder. Raises InvalidRequest."""
    folder = text.strip()
    if not folder:
        raise InvalidRequest("cacheDir is required", advice="name a folder of GET /api/recipes/backend/hf-models")
    if not is_folder(folder) or not folder.startswith(PREFIX):
        raise InvalidRequest(f"invalid cacheDir {folder!r}", advice="write models--organisation--name")
    return folder


def check_revision(text: str) -> str:
    """Return a branch, tag or commit, "" for the main branch. Raises InvalidRequest."""
    revision = text.strip()
    if revision and (not _REVISION.fullmatch(revision) or ".." in revision or revision.endswith("/")):
        raise InvalidRequest(f"{revision!r} is no revision", advice="write a branch, a tag or a commit")
    return revision


def check_pattern(text: str) -> str:
    """Return a pattern of file names, as `*.json`. Raises InvalidRequest."""
    pattern = text.strip()
    wrong = not pattern or len(pattern) > _LONGEST_PATTERN or not pattern.isprintable()
    if wrong or pattern.startswith(("/", "-")) or ".." in pattern.split("/"):
        raise InvalidRequest(f"{text!r} is no pattern of file names", advice="write one like *.json")
    try:
        re.compile(translate(pattern))
    except re.error as error:
        raise InvalidRequest(f"{pattern!r} is no pattern of file names: {error}") from None
    return pattern
