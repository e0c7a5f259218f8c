"""What the page shows: rows, cards and steps, made of what is known. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from swaplab_hub import usage, weights
from swaplab_hub.fetching import size
from swaplab_hub.library import DownloadRequest
from swaplab_hub.places import Place, Room
from swaplab_hub.scan import Repo
from swaplab_hub.usage import Known
from swaplab_hub.weights import Choice

DAY = 24 * 3600.0
_SAYS = {"chosen": "chosen here", "default": "as nobody says otherwise"}


def summary(place: Place, repos: Sequence[Repo], free: int | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The cache and the hub in a few facts."""
    return {
        "items": [
            {"label": "Cache", "value": str(place.folder)},
            {"label": "From", "value": _SAYS.get(place.source, place.source)},
            {"label": "Cached", "value": sum(repo.size for repo in repos), "type": "bytes"},
            {"label": "Free", "value": free, "type": "bytes"},
            {
                "label": "Hub",
                "value": facts["endpoint"] + (", switched off by HF_HUB_OFFLINE" if facts["offline"] else ""),
            },
            {"label": "Access token", "value": facts["token"]},
        ]
    }


def disk(repos: Sequence[Repo], room: Room | None) -> dict[str, Any]:
    """How full the disk of the cache is, and how much of that the models take."""
    cached = size(sum(repo.size for repo in repos))
    if room is None:
        return {"items": [{"label": "Disk", "value": 0, "text": f"{cached} in models"}]}
    text = f"{cached} in models, {size(room.free)} of {size(room.total)} free"
    return {"items": [{"label": "Disk", "value": 1 - room.free / room.total, "text": text}]}


def models(repos: Sequence[Repo], known: Known) -> dict[str, Any]:
    """A row for each cached model."""
    return {"items": [_model(repo, known) for repo in repos]}


def _model(repo: Repo, known: Known) -> dict[str, Any]:
    uses = usage.uses_of(repo, known)
    newest = repo.newest
    return {
        "id": repo.folder,
        "repo": repo.id,
        "format": ", ".join(repo.formats) + _quantisations(repo),
        "size": repo.size,
        "commit": newest.commit[:8] if newest else "",
        "state": _state(repo),
        "users": ", ".join((*uses.models, *uses.recipes)),
        "used": max(repo.accessed, repo.modified),
    }


def _quantisations(repo: Repo) -> str:
    paths = {file.path for revision in repo.revisions for file in revision.files if file.path.endswith(".gguf")}
    labels = weights.quantisations(weights.RemoteFile(path, 0) for path in sorted(paths))
    return f" ({', '.join(labels)})" if labels else ""


def _state(repo: Repo) -> dict[str, str]:
    broken = [name for revision in repo.revisions for name in revision.broken]
    if broken:
        return {"state": "error", "text": "damaged", "title": f"{broken[0]} leads nowhere: download it again"}
    if not repo.is_finished:
        return {"state": "warn", "text": "not finished", "title": "resume or discard it under Unfinished"}
    return {"state": "ok", "text": "complete"}


def revisions(repos: Sequence[Repo]) -> dict[str, Any]:
    """A row for each revision."""
    rows = []
    for repo in repos:
        for each in sorted(repo.revisions, key=lambda revision: revision.modified, reverse=True):
            others = {f.blob for other in repo.revisions if other is not each for f in other.files}
            alone = {f.blob: f.size for f in each.files if f.blob not in others}
            rows.append(
                {
                    "id": f"{repo.folder}@{each.commit}",
                    "repo": repo.id,
                    "revision": f"{repo.id}@{each.commit}",
                    "commit": each.commit[:12],
                    "refs": ", ".join(each.refs),
                    "size": each.size,
                    "alone": sum(alone.values()),
                    "files": len(each.files),
                    "modified": each.modified,
                }
            )
    return {"items": rows}


def unfinished(repos: Sequence[Repo], begun: Mapping[str, DownloadRequest]) -> dict[str, Any]:
    """A row for each download that did not end."""
    rows = [
        {
            "id": repo.folder,
            "repo": repo.id,
            "wanted": _wanted(begun.get(repo.id)),
            "files": len(repo.incomplete),
            "size": sum({**repo.blobs, **repo.incomplete}[name] for name in (*repo.incomplete, *repo.loose)),
            "modified": repo.modified,
        }
        for repo in repos
        if not repo.is_finished
    ]
    return {"items": rows}


def _wanted(wanted: DownloadRequest | None) -> str:
    if wanted is None:
        return "begun elsewhere"
    return " ".join(
        [", ".join(wanted.include) or wanted.weights, *([f"at {wanted.revision}"] if wanted.revision else [])]
    )


def cleanup(repos: Sequence[Repo], known: Known, now: float, unused_days: int) -> dict[str, Any]:
    """What could go: models that nobody names and nobody has read for long, the largest first."""
    rows = []
    for repo in repos:
        last = max(repo.accessed, repo.modified)
        if repo.is_finished and now - last > unused_days * DAY and not usage.uses_of(repo, known):
            rows.append({"id": repo.folder, "repo": repo.id, "size": repo.size, "used": last, "why": "nobody names it"})
    return {"items": sorted(rows, key=lambda row: row["size"], reverse=True)}


def choice(each: Choice) -> dict[str, Any]:
    """One way to have a repository."""
    return {
        "id": each.id,
        "title": each.title,
        "label": f"{each.title}, {size(each.bytes)}",
        "sizeBytes": each.bytes,
        "files": [file.path for file in each.files],
    }


def found_label(each: Mapping[str, Any]) -> str:
    """A model that was found, in a line."""
    words = [each["id"], f"{each['downloads']} downloads", *each["formats"]]
    return " · ".join([*words, *(["gated"] if each["gated"] else [])])
