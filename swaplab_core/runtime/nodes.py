"""The machines that engines and steps run on, and the executor that reaches each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from attrs import define, field

from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.plugin.interface import Executor, FindsPorts
from swaplab_core.plugin.lab import Sink
from swaplab_core.ports import ExitStatus, Process

THIS = Node(LOCAL, "this machine", "local", "127.0.0.1")


def _none() -> Iterable[Node]:
    return ()


@define(eq=False)
class Nodes:
    """`executors` by name; `others` lists the enrolled machines, as they are at this moment; `own` are addresses of
    this machine.

    It is also the port `Processes`: an engine is started by the executor of its spec's node.
    """

    executors: Mapping[str, Executor]
    others: Callable[[], Iterable[Node]] = field(default=_none)
    own: Callable[[], Collection[str]] = frozenset

    def all(self) -> tuple[Node, ...]:
        """This machine first; of two with one id the first counts."""
        nodes = {node.id: node for node in reversed((THIS, *self.others()))}
        return (THIS, *(node for node in reversed(nodes.values()) if node.id != LOCAL))

    def get(self, node: NodeId) -> Node:
        """One machine, by its id, else by one of its addresses. Raises NodeError that says which there are."""
        if node == LOCAL:
            return THIS
        nodes = self.all()
        meant = [known for known in nodes if known.id == node] or [known for known in nodes if known.is_called(node)]
        if meant:
            return meant[0]
        if node in self.own():
            return THIS
        names = ", ".join(known.id for known in nodes if known.id) or "none but this machine"
        raise NodeError(f"no node is called {node!r}", advice=f"enrolled: {names}")

    def executor(self, node: Node) -> Executor:
        """What reaches it. Raises NodeError."""
        if node.executor not in self.executors:
            advice = f"installed: {', '.join(sorted(self.executors))}"
            raise NodeError(
                f"{node.title} is reached by {node.executor!r}, and nothing installed offers that", advice=advice
            )
        return self.executors[node.executor]

    async def start(self, spec: LaunchSpec, output: Sink) -> Process:
        """Start an engine on its node; raises StartFailed with what to do about it."""
        try:
            node = self.get(spec.node)
            return await self.executor(node).start(node, spec, output)
        except NodeError as error:
            raise StartFailed(error.message, advice=error.advice) from error

    async def run(self, node: NodeId, command: ReadyCommand, stdout: Sink, stderr: Sink) -> ExitStatus:
        """Run a command on a node to its end. Raises NodeError."""
        machine = self.get(node)
        return await self.executor(machine).run(machine, command, stdout, stderr)

    async def free_port(self, node: Node, wanted: int) -> int:
        """A port that is free on a node: the wanted one where its executor cannot tell. Raises NodeError."""
        executor = self.executor(node)
        return await executor.free_port(node, wanted) if isinstance(executor, FindsPorts) else wanted

    async def close(self) -> None:
        """Let every executor give back what it holds."""
        for executor in self.executors.values():
            await executor.close()
