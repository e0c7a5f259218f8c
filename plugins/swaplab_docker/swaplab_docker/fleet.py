"""The images of all machines: this one's from the engine itself, the others' through their executors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from attrs import define, field

from swaplab_core.domain.errors import NodeError, SwaplabError
from swaplab_core.plugin import LOCAL, LabView, Node, NodeId
from swaplab_docker.live import Live
from swaplab_docker.nodes import LIST, read_listing
from swaplab_docker.shapes import NodeImages

REMOTE_SECONDS = 20.0
FRESH_SECONDS = 120.0


@define(eq=False)
class Fleet:
    """What other machines have is asked at most every two minutes, and anew after a change."""

    live: Live
    clock: Callable[[], float] = time.monotonic
    _known: dict[NodeId, tuple[float, NodeImages]] = field(factory=dict, init=False)

    @property
    def lab(self) -> LabView:
        """What is seen of the daemon."""
        return self.live.lab

    async def listing(self, *, force: bool = False) -> list[NodeImages]:
        """Every machine's images; one that cannot be asked has its error beside it."""
        if force:
            self._known.clear()
        return list(await asyncio.gather(*(self._of(node) for node in self.lab.nodes())))

    def forget(self, node: NodeId) -> None:
        """Ask this machine next time."""
        self._known.pop(node, None)

    async def _of(self, node: Node) -> NodeImages:
        if node.id == LOCAL:
            return await self._here(node)
        at, known = self._known.get(node.id, (0.0, None))
        if known is None or self.clock() - at > FRESH_SECONDS:
            known = await self._there(node)
            self._known[node.id] = (self.clock(), known)
        return known

    async def _here(self, node: Node) -> NodeImages:
        try:
            known = await self.live.look()
        except SwaplabError as error:
            return NodeImages(node, error=str(error), is_local=True)
        return NodeImages(node, known.images, is_local=True)

    async def _there(self, node: Node) -> NodeImages:
        try:
            output = await self.lab.run(LIST, node.id, timeout_seconds=REMOTE_SECONDS)
            if output.exit_code != 0:
                said = output.stderr.decode(errors="replace").strip()[:300]
                raise NodeError(f"docker images on {node.title} failed: {said}")
            return NodeImages(node, read_listing(output.stdout.decode(errors="replace")))
        except SwaplabError as error:
            return NodeImages(node, error=str(error))
