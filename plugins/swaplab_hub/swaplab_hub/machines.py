"""The machines beside this one: their caches, listed and deleted through the executors. Commands: `nodes`."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from swaplab_core.domain.errors import NodeError, NotThere
from swaplab_core.plugin import LOCAL, Command, LabView, Node, Step, Work
from swaplab_hub import nodes

NODE_SECONDS = 60.0
DELETE_SECONDS = 600.0


@frozen
class Machines:
    """The other machines of one daemon. `home` is the home folder here: what lies below it lies below theirs there."""

    lab: LabView
    home: Path

    def all(self) -> list[Node]:
        """Every one; of two nodes at one address the second is the same machine once more."""
        first = {node.address: node for node in reversed(self.lab.nodes())}
        return [node for node in self.lab.nodes() if node.id != LOCAL and first[node.address] is node]

    def named(self, names: Sequence[str]) -> list[Node]:
        """Those with these names, all for `*`. Raises NotThere."""
        known = {str(node.id): node for node in self.all()}
        if list(names) == ["*"]:
            return list(known.values())
        for name in names:
            if name not in known:
                raise NotThere(f"there is no machine {name!r}", advice=f"there are: {', '.join(known) or 'none'}")
        return [known[name] for name in names]

    async def caches(self, cache: Path) -> list[nodes.NodeCache]:
        """The cache of each, asked at the same time; `cache` is the folder here."""
        place = nodes.place_there(cache, self.home)
        return list(await asyncio.gather(*(self._cache(node, place) for node in self.all())))

    async def _cache(self, node: Node, folder: str) -> nodes.NodeCache:
        try:
            output = await self.lab.run(nodes.listing_command(folder), node.id, timeout_seconds=NODE_SECONDS)
        except NodeError as error:
            return nodes.NodeCache(node.id, node.title, error=str(error))
        if output.exit_code != 0:
            told = output.stderr.decode(errors="replace").strip() or f"exit code {output.exit_code}"
            return nodes.NodeCache(node.id, node.title, error=told)
        return nodes.read(node.id, node.title, output.stdout.decode(errors="replace"))

    def deletion_steps(self, machines: Sequence[Node], folder: str, cache: Path) -> tuple[Step, Step]:
        """Delete a model on each: one step tries all of them, the next fails if one has failed."""
        command = nodes.deletion_command(nodes.place_there(cache, self.home), folder)
        results: dict[str, dict[str, Any]] = {}

        async def delete(work: Work) -> Mapping[str, Any]:
            done = await asyncio.gather(*(self._delete(node, command) for node in machines))
            for node, result in zip(machines, done, strict=True):
                results[str(node.id)] = result
                work.log(f"{node.title}: {result['message']}")
            return {"nodes": results}

        async def check(_: Work) -> None:
            wrong = [f"{node}: {result['message']}" for node, result in results.items() if not result["ok"]]
            if wrong:
                raise NodeError("; ".join(wrong), advice="the other machines have deleted it")

        where = ", ".join(node.title for node in machines)
        return (
            Step(
                f"Delete it on {where}", work=delete, timeout_seconds=DELETE_SECONDS, shown_as=shlex.join(command.argv)
            ),
            Step("Look how it went", work=check, timeout_seconds=10.0, shown_as="# every machine must have done it"),
        )

    async def _delete(self, node: Node, command: Command) -> dict[str, Any]:
        try:
            output = await self.lab.run(command, node.id, timeout_seconds=NODE_SECONDS)
        except NodeError as error:
            return {"ok": False, "message": str(error)}
        text = (output.stderr or output.stdout).decode(errors="replace").strip()
        return {"ok": output.exit_code == 0, "message": text or f"exit code {output.exit_code}"}
