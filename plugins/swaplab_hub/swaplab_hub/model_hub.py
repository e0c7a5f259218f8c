"""The hub of one daemon: what is cached here, what the hub has, and the plans of downloads and deletions."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from attrs import define, evolve, field, frozen

from swaplab_core.domain.errors import Conflict, FileFailed, NotThere
from swaplab_core.domain.events import PluginNews
from swaplab_core.plugin import LOCAL, LabView, Plan, Step, Work
from swaplab_hub import names, nodes, places, scan, usage
from swaplab_hub.deletion import Deletion, plan_deletion
from swaplab_hub.failures import DiskFull
from swaplab_hub.fetching import here, size
from swaplab_hub.library import (
    GIB,
    DownloadRequest,
    Library,
    Remote,
    WorkerOutput,
    deletion_command,
    download_command,
    run_worker,
)
from swaplab_hub.machines import DELETE_SECONDS, Machines
from swaplab_hub.scan import Repo
from swaplab_hub.settings import Settings
from swaplab_hub.unfinished import UnfinishedDownloads
from swaplab_hub.usage import Known, Uses
from swaplab_hub.weights import RemoteFile, select

NAME = "hub"
DOWNLOAD, DELETE = "hub:download", "hub:delete"
DOWNLOAD_SECONDS = 12 * 3600.0
FRESH_SECONDS = 120.0


@frozen
class Preview:
    """What a download would bring: the commit, its files, how much of it is to come, and what room there is."""

    remote: Remote
    files: tuple[RemoteFile, ...]
    total: int
    missing: int
    free: int


@define(eq=False)
class ModelHub:
    """One for the daemon. `environment` is the daemon's."""

    lab: LabView
    environment: Mapping[str, str]
    home: Path
    library: Library = field(init=False)
    _scanned: dict[Path, tuple[tuple[float, ...], Repo]] = field(factory=dict, init=False)
    _remotes: dict[tuple[str, str], tuple[float, Remote]] = field(factory=dict, init=False)
    _asking: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    @library.default
    def _library(self) -> Library:
        return Library(self.lab)

    @property
    def settings(self) -> Settings:
        """As they are now."""
        return self.lab.settings(NAME, Settings)

    @property
    def unfinished(self) -> UnfinishedDownloads:
        """What was asked for and is not there yet."""
        return UnfinishedDownloads(self.lab.state_folder(NAME) / "unfinished")

    # where

    def surroundings(self) -> places.Surroundings:
        """What the cache's place follows from."""
        config = self.lab.config.path
        return places.Surroundings(self.environment, self.home, config.parent if config else None, self.settings.cache)

    async def place(self) -> places.Place:
        """Where the cache is."""
        around = self.surroundings()
        return places.find(around, await asyncio.to_thread(places.chosen, around))

    async def choose(self, written: str) -> places.Place:
        """Choose another folder, "" to take it back. Raises InvalidRequest and FileFailed."""
        await asyncio.to_thread(places.choose, self.surroundings(), written)
        self.announce()
        return await self.place()

    async def free(self) -> int | None:
        """How much room the cache's disk has; None when that cannot be told."""
        room = await self.room()
        return room.free if room else None

    async def room(self) -> places.Room | None:
        """The disk of the cache; None when it cannot be told."""
        folder = (await self.place()).folder
        return await asyncio.to_thread(_room, folder)

    # what is cached

    async def repos(self) -> list[Repo]:
        """Every repository, newest first. What has not changed is not read again. Raises FileFailed."""
        return await asyncio.to_thread(self._look, (await self.place()).folder)

    async def models(self) -> list[Repo]:
        """The repositories of models."""
        return [repo for repo in await self.repos() if repo.kind == "model"]

    async def find(self, folder: str) -> Repo:
        """One repository by its folder. Raises NotThere."""
        for repo in await self.repos():
            if repo.folder == folder:
                return repo
        raise NotThere(f"{folder} is not in {(await self.place()).folder}", advice="list the cache again")

    def _look(self, cache: Path) -> list[Repo]:
        try:
            found = [self._scan(cache / name) for name in scan.repo_folders(cache)]
        except OSError as error:
            raise FileFailed(
                f"{error.filename} cannot be read: {error.strerror}", advice="see its permissions"
            ) from None
        known = {repo.path for repo in found}
        self._scanned = {path: kept for path, kept in self._scanned.items() if path in known}
        return sorted(found, key=lambda repo: repo.modified, reverse=True)

    def _scan(self, path: Path) -> Repo:
        mark = scan.fingerprint(path)
        before = self._scanned.get(path)
        if before is not None and before[0] == mark and not before[1].incomplete:
            return before[1]
        repo = scan.scan_repo(path)
        self._scanned[path] = (mark, repo)
        return repo

    async def known(self) -> Known:
        """What the server knows of models and recipes."""
        recipes, running = await asyncio.gather(self._get("/api/recipes/state"), self._get("/running"))
        up = frozenset(str(each.get("model")) for each in running.get("running") or ())
        return Known(self.lab.config.models(), recipes.get("recipes") or (), up)

    async def _get(self, path: str) -> Mapping[str, Any]:
        answer = await self.lab.gateway.request("GET", path)
        body = await answer.read()
        found = orjson.loads(body) if answer.status == 200 else {}
        return found if isinstance(found, dict) else {}

    def announce(self) -> None:
        """Tell the pages that the cache has changed."""
        self.lab.publish(PluginNews(NAME, "cache"))

    # the hub

    async def remote(self, repo: str, revision: str) -> Remote:
        """What the hub has of a repository, asked anew after two minutes. Raises HubFailed and its like."""
        key = (repo, revision)
        async with self._asking:  # a form and its preview ask the same at once
            now = time.monotonic()
            self._remotes = {k: kept for k, kept in self._remotes.items() if now - kept[0] < FRESH_SECONDS}
            if key not in self._remotes:
                self._remotes[key] = (now, await self.library.files(repo, revision, self.settings))
            return self._remotes[key][1]

    async def preview(self, wanted: DownloadRequest) -> Preview:
        """What a download would bring. Raises HubFailed and its like, InvalidRequest."""
        remote = await self.remote(wanted.repo, wanted.revision)
        files = select(remote.files, wanted.weights, wanted.include, wanted.exclude)
        folder = (await self.place()).folder
        total = sum({file.blob: file.size for file in files}.values())
        present = await asyncio.to_thread(here, folder / names.folder_of(wanted.repo), files)
        return Preview(remote, files, total, total - present, await self.free() or 0)

    async def download_plan(self, wanted: DownloadRequest) -> Plan:
        """Plan a download after asking the hub what it is. Raises HubFailed and its like, DiskFull, InvalidRequest."""
        found = await self.preview(wanted)
        reserve = int(self.settings.reserve_gib * GIB)
        if found.missing and found.missing > found.free - reserve:
            raise DiskFull(
                f"{size(found.missing)} are to come, {size(found.free)} are free, {size(reserve)} of it stay free",
                advice="delete models that nobody uses, or choose another cache folder",
            )
        told = f"{len(found.files)} files, {size(found.total)}: {size(found.missing)} to come, {size(found.free)} free"
        return evolve(self.plan_into((await self.place()).folder, wanted), warnings=(told,))

    def plan_into(self, cache: Path, wanted: DownloadRequest) -> Plan:
        """Plan a download into a folder without asking the hub first: the job does."""
        command, output = download_command(wanted, cache, self.settings), WorkerOutput()

        async def work(work: Work) -> Mapping[str, Any]:
            await asyncio.to_thread(self.unfinished.keep, wanted)
            try:
                result = await run_worker(work, command, output)
            finally:
                self.announce()
            await asyncio.to_thread(self.unfinished.forget, wanted.repo)
            return result

        step = Step(
            f"Download {wanted.repo}",
            work=work,
            timeout_seconds=DOWNLOAD_SECONDS,
            reads_progress=output.read,
            shown_as=shlex.join(command.argv),
        )
        return Plan((step,), frozenset({f"download:{wanted.repo}"}))

    # other machines

    @property
    def machines(self) -> Machines:
        """The machines beside this one, and their caches."""
        return Machines(self.lab, self.home)

    async def caches(self) -> list[nodes.NodeCache]:
        """The cache of every machine, this one first."""
        mine = {
            repo.folder: nodes.RemoteRepo(
                repo.folder, repo.size, len(repo.incomplete), tuple(revision.commit for revision in repo.revisions)
            )
            for repo in await self.models()
        }
        title = next((node.title for node in self.lab.nodes() if node.id == LOCAL), "this machine")
        others = await self.machines.caches((await self.place()).folder)
        return [nodes.NodeCache("", title, mine, await self.free()), *others]

    # deletions

    async def deletion(self, folder: str, revisions: Sequence[str] = ()) -> tuple[Deletion, Uses]:
        """What would go, and who uses it. Raises NotThere and Conflict."""
        repo = await self.find(folder)
        return plan_deletion(repo, revisions), usage.uses_of(repo, await self.known())

    async def deletion_plan(
        self, folder: str, revisions: Sequence[str] = (), machines: Sequence[str] = (), *, even_if_used: bool = False
    ) -> Plan:
        """Plan a deletion, here and on other machines. Raises NotThere and Conflict."""
        deletion, uses = await self.deletion(folder, revisions)
        self.refuse_while_downloading(deletion.repo.id)
        if uses and _counts(deletion):
            _refuse_used(deletion.repo.id, uses, even_if_used=even_if_used)
        others = self.machines.named(machines)
        step = await self._deletion_step(deletion)
        steps = [step, *(self.machines.deletion_steps(others, folder, (await self.place()).folder) if others else ())]
        told = [f"{size(deletion.freed)} become free"]
        told += [f"{size(deletion.kept)} stay, since other revisions use them"] if deletion.kept else []
        told += [f"used by {uses}"] if uses else []
        return Plan(tuple(steps), frozenset({f"download:{deletion.repo.id}"}), tuple(told))

    async def discard_plan(self, folder: str) -> Plan:
        """Plan to delete what a download that did not end has left. Raises NotThere and Conflict."""
        repo = await self.find(folder)
        self.refuse_while_downloading(repo.id)
        if repo.is_finished:
            raise Conflict(f"nothing of {repo.id} is unfinished")
        left = (*repo.incomplete, *repo.loose)
        freed = sum({**repo.blobs, **repo.incomplete}[name] for name in left)
        deletion = Deletion(repo, blobs=tuple(sorted(left)), freed=freed) if repo.revisions else plan_deletion(repo)
        step = await self._deletion_step(deletion)
        return Plan((step,), frozenset({f"download:{repo.id}"}), (f"{size(deletion.freed)} become free",))

    async def _deletion_step(self, deletion: Deletion) -> Step:
        cache, output = (await self.place()).folder, WorkerOutput()
        command = deletion_command(deletion, cache, self.settings)

        async def work(work: Work) -> Mapping[str, Any]:
            try:
                result = await run_worker(work, command, output)
            finally:
                self._scanned.pop(deletion.repo.path, None)
                self.announce()
            if (not deletion.refs and not deletion.commits) or deletion.everything:
                await asyncio.to_thread(self.unfinished.forget, deletion.repo.id)
            return {**result, "deleted": deletion.repo.folder}

        what = _what(deletion)
        return Step(f"Delete {what}", work=work, timeout_seconds=DELETE_SECONDS, shown_as=_shown(deletion))

    def refuse_while_downloading(self, repo: str) -> None:
        """Raise Conflict while a job of ours downloads it."""
        for job in self.lab.jobs():
            if not job.state.is_over and any(step == f"Download {repo}" for step in job.steps):
                raise Conflict(f"{repo} is being downloaded", advice=f"cancel job {job.id} first")


def _room(folder: Path) -> places.Room | None:
    """The room on the disk of a folder that may not be there yet."""
    for place in (folder, *folder.parents):
        try:
            usage = shutil.disk_usage(place)
            return places.Room(usage.total, usage.free)
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _counts(deletion: Deletion) -> bool:
    """A revision that no branch leads to, and that is not the newest, is loaded by nobody who names the repository."""
    newest = deletion.repo.newest
    return deletion.everything or bool(deletion.refs) or (newest is not None and newest.commit in deletion.commits)


def _refuse_used(repo: str, uses: Uses, *, even_if_used: bool) -> None:
    if uses.up:
        raise Conflict(f"{repo} is loaded by {', '.join(uses.up)}", advice="unload that first")
    if not even_if_used:
        raise Conflict(f"{repo} is used by {uses}", advice="delete those first, or choose “even if it is used” (force)")


def _what(deletion: Deletion) -> str:
    if deletion.everything:
        return deletion.repo.id
    if deletion.commits:
        return f"{deletion.repo.id} at {', '.join(commit[:8] for commit in deletion.commits)}"
    return f"what is unfinished of {deletion.repo.id}"


def _shown(deletion: Deletion) -> str:
    """What goes, for the preview."""
    path = deletion.repo.path
    if deletion.everything:
        return f"# everything below {path}"
    parts = [f"snapshots/{commit}" for commit in deletion.commits] + [f"refs/{ref}" for ref in deletion.refs]
    return f"# of {path}: {', '.join([*parts, f'{len(deletion.blobs)} files in blobs'])}"
