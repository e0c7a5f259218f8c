"""The JSON of the older routes, as clients of Swap Laboratories know it, and what is added to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from swaplab_hub import usage
from swaplab_hub.places import Place
from swaplab_hub.scan import Repo, Revision
from swaplab_hub.usage import Known, Uses


def listing(place: Place, repos: Sequence[Repo], known: Known, free: int | None) -> dict[str, Any]:
    """The cache: `hubPath` and `models`, newest first, as ever; the rest is ours."""
    return {
        "hubPath": str(place.folder),
        "hubPathSource": place.source,
        "freeBytes": free,
        "models": [model(repo, known) for repo in repos],
    }


def model(repo: Repo, known: Known) -> dict[str, Any]:
    """One cached model."""
    made = usage.managed_entry(repo, known.entries)
    shape: dict[str, Any] = {
        "cacheDir": repo.folder,
        "modelId": repo.id,
        "path": str(repo.path),
        "sizeBytes": repo.size,
        "modifiedAt": moment(repo.modified),
        "hasRecipe": made is not None,
    }
    if made is not None:
        shape |= {"existingModelEntryId": made[0], "existingRecipeRef": made[1]}
    return {
        **shape,
        "lastUsedAt": moment(max(repo.accessed, repo.modified)),
        "formats": list(repo.formats),
        "finished": repo.is_finished,
        "incomplete": [{"name": name, "sizeBytes": size} for name, size in sorted(repo.incomplete.items())],
        "revisions": [revision(each) for each in repo.revisions],
        "usedBy": uses(usage.uses_of(repo, known)),
    }


def revision(each: Revision) -> dict[str, Any]:
    """One revision of a cached model."""
    return {
        "commit": each.commit,
        "refs": list(each.refs),
        "sizeBytes": each.size,
        "files": len(each.files),
        "modifiedAt": moment(each.modified),
        "broken": list(each.broken),
    }


def uses(found: Uses) -> dict[str, list[str]]:
    """Who uses it."""
    return {"models": list(found.models), "recipes": list(found.recipes), "loaded": list(found.up)}


def moment(seconds: float) -> str:
    """A time as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def error(message: str, **more: Any) -> Mapping[str, Any]:
    """An error as older clients read it."""
    return {"error": message, **more}
