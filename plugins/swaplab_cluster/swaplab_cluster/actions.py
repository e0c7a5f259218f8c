"""What people can do with the machines of the cluster: drain, look, update, stop. Each runs as a job.

Which machines are part of it is changed by `inventory_actions`, what lies on their disks by `storage_actions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define

from swaplab_cluster import dgx, operations
from swaplab_cluster.action_forms import Reason, StopAll, Update
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.live import Live
from swaplab_cluster.pages import PAGE, ROW
from swaplab_cluster.probe import SECTIONS
from swaplab_cluster.status import overall, sentence
from swaplab_core.plugin import Action, ActionSpec, Command, Confirm, Plan, Policy, Step, Work


@define(eq=False)
class Actions:
    """The actions on the enrolled machines of one cluster."""

    live: Callable[[], Live]

    def all(self) -> tuple[Action, ...]:
        """Every action, as things are now."""
        return (*self._of_one_node(), *self._of_all_nodes())

    def _of_one_node(self) -> Sequence[Action]:
        on_row: dict[str, Any] = {"slots": (ROW,), "target": "node"}
        return (
            Action(
                ActionSpec(
                    "drain",
                    "Drain",
                    Reason,
                    "Take no new models and requests there.",
                    "circle-pause",
                    policy=Policy.OPERATE,
                    **on_row,
                ),
                self._drain,
                lambda node: f"{node} is drained already" if node in self._drained() else "",
            ),
            Action(
                ActionSpec(
                    "undrain",
                    "Undrain",
                    icon="circle-play",
                    description="Take models again.",
                    policy=Policy.OPERATE,
                    **on_row,
                ),
                self._undrain,
                lambda node: f"{node} is not drained" if node and node not in self._drained() else "",
            ),
        )

    def _of_all_nodes(self) -> Sequence[Action]:
        return (
            Action(
                ActionSpec(
                    "look",
                    "Look now",
                    description="At all nodes: metrics, storage, updates.",
                    icon="refresh-cw",
                    slots=(PAGE,),
                    policy=Policy.OPERATE,
                ),
                self._look,
            ),
            Action(
                ActionSpec(
                    "dgx_update",
                    "Update and reboot",
                    Update,
                    "DGX nodes, one after the other: drained first, waited for.",
                    "power",
                    slots=(PAGE, ROW),
                    target="node",
                    confirm=Confirm.TYPE,
                    confirm_text="The nodes reboot.",
                    danger=True,
                ),
                self._dgx_update,
            ),
            Action(
                ActionSpec(
                    "stop_all",
                    "Stop everything",
                    StopAll,
                    "All engines on all nodes.",
                    "octagon-x",
                    slots=(PAGE,),
                    confirm=Confirm.ASK,
                    danger=True,
                ),
                self._stop_all,
            ),
        )

    # planners

    def _drained(self) -> Mapping[str, str]:
        return self.live().operations.drains.nodes

    def _node(self, name: str) -> InventoryNode:
        return self.live().node(name)

    def _drain(self, form: Reason, target: str) -> Plan:
        live, node = self.live(), self._node(target)

        async def drain(work: Work) -> None:
            await live.operations.drain_node(node.id, form.reason)
            await live.operations.empty_node(work, node.id)

        step = Step(f"Drain {node.id}", work=drain, shown_as="wait until nobody is served, then unload")
        return Plan((step,), locks=frozenset({f"node:{node.id}"}))

    def _undrain(self, _: object, target: str) -> Plan:
        live, node = self.live(), self._node(target)

        async def undrain(_: Work) -> None:
            await live.operations.drain_node(node.id, None)

        return Plan((Step(f"Undrain {node.id}", work=undrain, shown_as="take models again"),))

    def _look(self, _: object, __: str) -> Plan:
        live = self.live()

        async def look(work: Work) -> None:
            await live.reload_if_changed()
            await live.collector.refresh(frozenset(SECTIONS))
            work.log(sentence(overall(live.as_value()), live.collector.nodes))

        return Plan((Step("Look at all nodes", work=look, timeout_seconds=60.0, shown_as="probe every node"),))

    async def _dgx_update(self, form: Update, target: str) -> Plan:
        live = self.live()
        names = form.nodes or ((target,) if target else ())
        wanted = dgx.update_request({}, {"targets": list(names), "includeController": form.include_controller})
        nodes = dgx.targets(wanted, live.inventory)
        return operations.update_plan(
            live.operations, nodes, {node.id: node.id not in self._drained() for node in nodes}
        )

    async def _stop_all(self, form: StopAll, _: str) -> Plan:
        live = self.live()

        async def stop(work: Work) -> Mapping[str, Any]:
            stopped = await live.operations.stop_all(dry_run=False)
            for one in stopped:
                work.log(
                    f"{one.node or 'this machine'}: {', '.join(one.models)}{f': {one.error}' if one.error else ''}"
                )
            return {"nodes": [{"node": one.node, "models": list(one.models), "error": one.error} for one in stopped]}

        planned = await live.operations.stop_all(dry_run=True)
        shown = "; ".join(f"{one.node or 'this machine'}: {', '.join(one.models)}" for one in planned) or "nothing runs"
        scripts = await asyncio.to_thread(operations.stop_scripts, live.lab.config.models()) if form.scripts else []
        steps = [
            Step(f"Run {script.argv[1]}", Command(script.argv), timeout_seconds=live.in_force.stop_seconds)
            for script in scripts
        ]
        return Plan((Step("Unload all models", work=stop, shown_as=shown), *steps), locks=frozenset({"cluster"}))
