"""What a deletion takes with it: of some revisions what no other one uses, of the last one the whole folder. Pure."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from swaplab_core.domain.errors import Conflict, NotThere
from swaplab_hub.scan import Repo


@frozen
class Deletion:
    """Paths below the repository's folder, in three kinds; `everything` instead means the folder itself."""

    repo: Repo
    everything: bool = False
    commits: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    freed: int = 0
    kept: int = 0
    """Bytes of these revisions that stay, since others use them."""


def plan_deletion(repo: Repo, wanted: Collection[str] = ()) -> Deletion:
    """Decide on revisions, named by commit, its beginning or a branch; none means all. Raises NotThere, Conflict."""
    if repo.foreign:
        raise Conflict(
            f"{repo.path} holds {', '.join(repo.foreign[:3])}, which no model cache has",
            advice="see what that is, and delete the folder yourself",
        )
    commits = {_commit(repo, name) for name in wanted}
    others = [revision for revision in repo.revisions if revision.commit not in commits]
    if not wanted or not others:
        return Deletion(repo, everything=True, commits=tuple(r.commit for r in repo.revisions), freed=repo.size)
    going = [revision for revision in repo.revisions if revision.commit in commits]
    shared = {file.blob for revision in others for file in revision.files}
    contents = {file.blob: file.size for revision in going for file in revision.files}
    freed = {blob: size for blob, size in contents.items() if blob not in shared}
    return Deletion(
        repo,
        commits=tuple(revision.commit for revision in going),
        refs=tuple(ref for revision in going for ref in revision.refs),
        blobs=tuple(sorted(blob.removeprefix("blobs/") for blob in freed if blob.startswith("blobs/"))),
        freed=sum(freed.values()),
        kept=sum(contents.values()) - sum(freed.values()),
    )


def _commit(repo: Repo, name: str) -> str:
    found = {r.commit for r in repo.revisions if r.commit == name or name in r.refs}
    found = found or {r.commit for r in repo.revisions if len(name) >= 6 and r.commit.startswith(name)}
    if len(found) == 1:
        return found.pop()
    known = ", ".join(f"{revision.commit[:8]} ({'/'.join(revision.refs) or 'no ref'})" for revision in repo.revisions)
    raise NotThere(f"{repo.id} has no revision {name!r} here", advice=f"there are: {known or 'none'}")
