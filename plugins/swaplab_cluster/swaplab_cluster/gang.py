"""The executor `gang`: one engine on several nodes, which starts as one and ends as one.

Each member runs the same launch spec. What differs goes into its environment and, as `{{rank}}` and the like, into its
arguments. When one rank ends, for whatever reason, all others are stopped: nothing is left half alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from attrs import define, evolve, field

from swaplab_cluster.cluster_nodes import GangReach
from swaplab_cluster.tasks import spawn
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import LaunchSpec, StopStrategy
from swaplab_core.domain.node import Node, NodeId
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin import Executor, ExitStatus, Process, Sink


class GangExecutor(Executor):
    """Runs one engine on all members of a gang. `Node.reach` names them."""

    name = "gang"
    title = "Several nodes as one"

    async def start(self, node: Node, spec: LaunchSpec, output: Sink) -> Process:
        """Start all ranks at once; when one cannot be started, none is left."""
        specs = rank_specs(_members(node), spec)
        starts = [
            spawn(self.lab.start(one, _prefixed(rank, output)), name=f"rank {rank}") for rank, one in enumerate(specs)
        ]
        try:
            await asyncio.wait(starts)
        except asyncio.CancelledError:
            spawn(_give_up(starts, spec.stop), name=f"give up {node.id}")
            raise
        if any(start.exception() is not None for start in starts):
            await _give_up(starts, spec.stop)
            raise _failure(node, specs, [start.exception() for start in starts])
        return GangProcess([start.result() for start in starts], spec.stop, output)

    async def run(self, node: Node, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:  # noqa: ARG002 - `run` of the base class
        """Refuse: a command is run on one machine."""
        raise NodeError(f"{node.id} is a gang: commands run on its members", advice="name one node")


def _members(node: Node) -> Sequence[tuple[NodeId, str]]:
    if not isinstance(node.reach, GangReach):
        raise StartFailed(f"{node.title} is no gang", advice="look at its entry in the inventory")
    return node.reach.members


def rank_specs(members: Sequence[tuple[NodeId, str]], spec: LaunchSpec) -> tuple[LaunchSpec, ...]:
    """The launch spec of each rank."""
    head = members[0][1]
    specs = []
    for rank, (node, address) in enumerate(members):
        words = {"rank": str(rank), "size": str(len(members)), "head": head, "address": address, "node": str(node)}
        variables = {f"SWAPLAB_{name.upper()}": value for name, value in words.items()}
        argv = tuple(_filled(word, words) for word in spec.argv)
        env = {name: _filled(value, words) for name, value in spec.env.items()}
        specs.append(evolve(spec, node=node, argv=argv, env={**variables, **env}))
    return tuple(specs)


def _filled(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text


def _prefixed(rank: int, output: Sink) -> Sink:
    """Write the rank before each line. A chunk that ends in the middle of a line waits for the rest of it."""
    rest = bytearray()

    def sink(chunk: bytes) -> None:
        rest.extend(chunk)
        end = rest.rfind(b"\n") + 1
        if end:
            lines = bytes(rest[:end]).splitlines(keepends=True)
            del rest[:end]
            output(b"".join(b"[%d] %s" % (rank, line) for line in lines))

    return sink


async def _give_up(starts: Sequence[asyncio.Task[Process]], stop: StopStrategy) -> None:
    """Stop what has come up, and what still comes up."""
    await asyncio.wait(starts)
    stops = [spawn(start.result().stop(stop), name="stop a rank") for start in starts if start.exception() is None]
    if stops:
        await asyncio.wait(stops)


def _failure(node: Node, specs: Sequence[LaunchSpec], errors: Sequence[BaseException | None]) -> StartFailed:
    rank, error = next((rank, error) for rank, error in enumerate(errors) if error is not None)
    said, advice = str(error), ""
    if isinstance(error, StartFailed):
        said, advice = error.message, error.advice
    return StartFailed(f"{node.id}: rank {rank} on {specs[rank].node} was not started: {said}", advice=advice)


@define(eq=False)
class GangProcess:
    """All ranks as one process. Its pid is that of rank 0."""

    _ranks: Sequence[Process]
    _strategy: StopStrategy
    _output: Sink
    _life: asyncio.Task[ExitStatus] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._life = spawn(self._live(), name=f"gang {self.pid}")

    @property
    def pid(self) -> int:
        """That of rank 0."""
        return self._ranks[0].pid

    async def _live(self) -> ExitStatus:
        """Wait for the first rank to end, then end the others; answer how the first one ended."""
        waits = [spawn(rank.wait(), name=f"end of rank {number}") for number, rank in enumerate(self._ranks)]
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        first = next(wait for wait in waits if wait in done)
        if not all(wait.done() for wait in waits):
            number = waits.index(first)
            self._output(f"swaplab: rank {number} has ended ({first.result()}); stopping the others\n".encode())
        await self._end(self._strategy)
        return first.result()

    async def _end(self, strategy: StopStrategy) -> None:
        stops = [spawn(rank.stop(strategy), name=f"stop rank {number}") for number, rank in enumerate(self._ranks)]
        await asyncio.wait(stops)

    async def wait(self) -> ExitStatus:
        """Return when every rank has ended."""
        return await asyncio.shield(self._life)

    async def stop(self, strategy: StopStrategy) -> ExitStatus:
        """Ask all ranks to go, each with the whole grace."""
        await asyncio.shield(spawn(self._end(strategy), name=f"stop gang {self.pid}"))
        return await self.wait()
