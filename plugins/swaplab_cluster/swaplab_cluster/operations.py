"""What is done to models and nodes: drain, unload, stop, update. Everything goes through what the daemon offers."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import orjson
from attrs import define, field, frozen

from swaplab_cluster import dgx, model_cache, probe
from swaplab_cluster.draining import Drains, ModelRecord, drained_models, on_node, records
from swaplab_cluster.inventory import Inventory, InventoryNode
from swaplab_cluster.model_cache import CacheOfNode
from swaplab_core.domain.errors import NodeError
from swaplab_core.domain.node import LOCAL, NodeId
from swaplab_core.domain.plan import Command, Plan, Step, Work
from swaplab_core.plugin import LabView

POLL_SECONDS = 0.5
DRAIN_SECONDS = 900.0
UPDATE_SECONDS = 120.0
REBOOT_SECONDS = 3600.0
REBOOT_POLL_SECONDS = 3.0
CACHE_SECONDS = 20.0
LONGEST_OUTPUT = 64 * 1024


@frozen
class Stopped:
    """What became of the engines of one node when everything was stopped."""

    node: str
    models: tuple[str, ...]
    error: str = ""


@frozen
class ScriptRun:
    """The stop script of one backend folder, and what it said."""

    folder: str
    argv: tuple[str, ...]
    exit_code: int | None = None
    output: str = ""
    error: str = ""
    timed_out: bool = False


@define(eq=False)
class Operations:
    """`inventory` is the one in force, `drains` what is drained; `keep_drains` is awaited when that has changed."""

    lab: LabView
    inventory: Inventory | None = None
    drains: Drains = field(factory=Drains)
    keep_drains: Callable[[Drains], Awaitable[None]] | None = None

    async def models(self) -> tuple[ModelRecord, ...]:
        """All models now."""
        answer = await self.lab.gateway.request("GET", "/api/models")
        return records(orjson.loads(await answer.read()))

    async def drain_node(self, node: str, reason: str | None) -> None:
        """Drain a node; without a reason it takes models again."""
        await self.set_drains(self.drains.with_node(node, reason))

    async def set_drains(self, drains: Drains) -> None:
        """Drain other things from now on."""
        self.drains = drains
        if self.keep_drains is not None:
            await self.keep_drains(drains)
        await self.apply_drains()

    async def apply_drains(self) -> None:
        """Tell the daemon which models take no new requests."""
        models = () if self.drains.is_empty else await self.models()
        self.lab.drain(drained_models(self.drains, models, self.inventory))

    async def unload(self, model: str) -> str:
        """Unload a model and wait until it is gone; answers what went wrong, "" when nothing."""
        answer = await self.lab.gateway.request("POST", f"/api/models/unload/{quote(model, safe='')}")
        text = (await answer.read()).decode(errors="replace")
        return "" if answer.status < 300 else f"status {answer.status}: {text[:200]}"

    async def empty_node(self, work: Work, node: str) -> None:
        """Wait until nobody is served by the models on a node, unload them. Raises NodeError when it takes long."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while True:
            up = [model for model in on_node(node, await self.models(), self.inventory) if model.is_up]
            for model in up:
                if not model.serving and model.state != "stopping":
                    work.log(f"unloading {model.id}")
                    await self.unload(model.id)
            if not up:
                return
            if time.monotonic() > deadline:
                names = ", ".join(model.id for model in up)
                raise NodeError(
                    f"{node}: requests still run on {names} after {DRAIN_SECONDS:g} s", advice="unload them, try again"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def boot_id(self, node: str) -> str:
        """The id of a machine's present boot. Raises NodeError when it does not answer."""
        command = Command(probe.argv(probe.script(), ()))
        output = await self.lab.run(command, NodeId(node), timeout_seconds=15.0)
        return probe.read(output.stdout.decode(errors="replace"), ()).boot_id

    async def has_gone(self, node: str, boot: str) -> bool:
        """Whether a machine does not answer any more, or from another boot than this."""
        try:
            return await self.boot_id(node) != boot
        except NodeError:
            return True

    async def caches(self, folder: str) -> list[CacheOfNode]:
        """The model cache of every node, all at the same time."""
        nodes = [node.id for node in self.inventory.nodes] if self.inventory is not None else [LOCAL]
        text = model_cache.script()
        return list(await asyncio.gather(*(self._cache(str(node), text, folder) for node in nodes)))

    async def _cache(self, node: str, text: str, folder: str) -> CacheOfNode:
        command = model_cache.command(text, "list", folder)
        try:
            output = await self.lab.run(command, NodeId(node), timeout_seconds=CACHE_SECONDS)
        except NodeError as error:
            return CacheOfNode(node or "local", error=str(error))
        return CacheOfNode(node or "local", model_cache.read(output.stdout.decode(errors="replace")))

    async def stop_all(self, *, dry_run: bool) -> list[Stopped]:
        """Unload all models, node after node at the same time."""
        up = [model for model in await self.models() if model.is_up]
        by_node: dict[str, list[ModelRecord]] = {}
        for model in up:
            by_node.setdefault(model.node, []).append(model)
        if dry_run:
            return [Stopped(node, tuple(model.id for model in models)) for node, models in by_node.items()]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._stop_node(node, models)) for node, models in by_node.items()]
        return [task.result() for task in running]

    async def _stop_node(self, node: str, models: Sequence[ModelRecord]) -> Stopped:
        async with asyncio.TaskGroup() as tasks:
            unloads = [tasks.create_task(self.unload(model.id)) for model in models]
        errors = [error for task in unloads if (error := task.result())]
        return Stopped(node, tuple(model.id for model in models), "; ".join(errors))

    async def run_script(self, script: ScriptRun, seconds: float) -> ScriptRun:
        """Run the stop script of a backend on this machine."""
        command = Command(script.argv, cwd=PurePosixPath(script.folder))
        try:
            output = await self.lab.run(command, timeout_seconds=seconds)
        except NodeError as error:
            return _failed(script, error)
        text = (output.stdout + output.stderr).decode(errors="replace")[-LONGEST_OUTPUT:].strip()
        said = "" if output.exit_code == 0 else f"exit code {output.exit_code}"
        return ScriptRun(script.folder, script.argv, output.exit_code, text, said)


def _failed(script: ScriptRun, error: NodeError) -> ScriptRun:
    return ScriptRun(script.folder, script.argv, error=str(error), timed_out="did not end within" in error.message)


STOP_SCRIPTS = (("stop-cluster-containers.sh", ("--all-nodes",)), ("launch-cluster.sh", ("stop",)))


def backend_folders(models: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """The folders of the backends that the configured models come from."""
    found = []
    for entry in models.values():
        metadata = entry.get("metadata")
        recipe = metadata.get("recipe_ui") if isinstance(metadata, Mapping) else None
        folder = recipe.get("backend_dir") if isinstance(recipe, Mapping) else None
        if isinstance(folder, str) and folder.startswith("/"):
            found.append(folder)
    return tuple(dict.fromkeys(found))


def stop_scripts(models: Mapping[str, Mapping[str, Any]]) -> list[ScriptRun]:
    """The stop script of each backend in use. Blocking."""
    found = []
    for folder in backend_folders(models):
        for name, arguments in STOP_SCRIPTS:
            if (Path(folder) / name).is_file():
                found.append(ScriptRun(folder, ("bash", f"{folder}/{name}", *arguments)))
                break
    return found


def update_plan(operations: Operations, nodes: Sequence[InventoryNode], undrain: Mapping[str, bool]) -> Plan:
    """Update one node after the other; the first that fails ends it, and stays drained.

    `undrain` says of each node whether it takes models again afterwards: not if it was drained before.
    """
    steps: list[Step] = []
    for node in nodes:
        steps += _update_steps(operations, node, undrain=undrain[node.id])
    return Plan(tuple(steps), locks=frozenset(f"node:{node.id}" for node in nodes))


def _update_steps(operations: Operations, node: InventoryNode, *, undrain: bool) -> list[Step]:
    boots: dict[str, str] = {}

    async def drain(work: Work) -> None:
        await operations.drain_node(node.id, "its system is being updated")
        await operations.empty_node(work, node.id)
        boots[node.id] = await operations.boot_id(node.id)

    async def update(work: Work) -> None:
        failure = await _asked(work, node.id)
        if failure and not await operations.has_gone(node.id, boots[node.id]):
            raise NodeError(f"{node.id}: {failure}", advice="the log of the job has what it said")
        if failure:
            work.log(f"{failure}; it is going down already")

    async def wait(work: Work) -> None:
        await _until_rebooted(operations, work, node.id, boots[node.id])

    async def release(_: Work) -> None:
        await operations.drain_node(node.id, None)

    return [
        Step(f"Drain {node.id}", work=drain, timeout_seconds=DRAIN_SECONDS + 60, shown_as="wait for requests, unload"),
        Step(
            f"Update {node.id} and reboot it",
            work=update,
            timeout_seconds=UPDATE_SECONDS,
            shown_as=f"on {node.id}: {shlex.join(dgx.UPDATE)}",
        ),
        Step(
            f"Wait until {node.id} is back", work=wait, timeout_seconds=REBOOT_SECONDS, shown_as="look at its boot id"
        ),
        *([Step(f"Undrain {node.id}", work=release, shown_as="take models again")] if undrain else []),
    ]


async def _asked(work: Work, node: str) -> str:
    """Ask a machine to update itself; answers what went wrong. The connection may end with the machine."""
    try:
        code = await work.run(Command(dgx.UPDATE), NodeId(node))
    except NodeError as error:
        return str(error)
    return f"the update answered exit code {code}" if code else ""


async def _until_rebooted(operations: Operations, work: Work, node: str, before: str) -> None:
    """Return when the machine answers from another boot; how long that may take is the step's time limit."""
    was_away = False
    while True:
        try:
            now = await operations.boot_id(node)
        except NodeError as error:
            if not was_away:
                work.log(f"{node} has gone: {error.message}")
            was_away = True
        else:
            if now and now != before:
                work.log(f"{node} is back")
                return
        await asyncio.sleep(REBOOT_POLL_SECONDS)
