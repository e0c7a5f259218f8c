"""What people can do with the cluster: forms, guards and plans. Each runs as a job."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define

from swaplab_cluster import agent_install, dgx, discovery, operations
from swaplab_cluster.action_forms import Fingerprint, Install, NewNode, Reason, Search, StopAll, Update
from swaplab_cluster.enrolment import fetch_key, pin, pinned_keys
from swaplab_cluster.files import read_text, write
from swaplab_cluster.inventory import Inventory, InventoryNode, is_address, is_id, is_user
from swaplab_cluster.inventory_edit import with_node, without_node
from swaplab_cluster.live import Live
from swaplab_cluster.own_wheels import own_wheels
from swaplab_cluster.probe import SECTIONS
from swaplab_cluster.status import overall, sentence
from swaplab_core.domain.errors import Conflict, InvalidRequest, NodeError
from swaplab_core.domain.node import NodeId
from swaplab_core.plugin import (
    Action,
    ActionSpec,
    Command,
    Confirm,
    FileChange,
    Plan,
    Policy,
    Step,
    Work,
)

CARD = "cluster.node.actions"
PAGE = "page:/x/cluster/nodes"


@define(eq=False)
class Actions:
    """The actions of one cluster."""

    live: Callable[[], Live]

    def all(self) -> tuple[Action, ...]:
        """Every action, as things are now."""
        return (*self._of_nodes(), *self._of_all())

    def _of_nodes(self) -> Sequence[Action]:
        on_card: dict[str, Any] = {"slots": (CARD,), "target": "node"}
        return (
            Action(
                ActionSpec(
                    "drain",
                    "Drain",
                    Reason,
                    "Take no new models and requests there.",
                    "circle-pause",
                    policy=Policy.OPERATE,
                    **on_card,
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
                    **on_card,
                ),
                self._undrain,
                lambda node: f"{node} is not drained" if node and node not in self._drained() else "",
            ),
            Action(
                ActionSpec(
                    "enrol",
                    "Pin its host key",
                    Fingerprint,
                    "Trust the key that the machine shows now.",
                    "key-round",
                    confirm=Confirm.ASK,
                    confirm_text="Compare the fingerprint in the preview with the one at the machine's console.",
                    **on_card,
                ),
                self._enrol,
            ),
            Action(
                ActionSpec(
                    "install_agent",
                    "Install agent",
                    Install,
                    "Over ssh, as a service of the login.",
                    "download",
                    confirm=Confirm.ASK,
                    **on_card,
                ),
                self._install_agent,
            ),
            Action(
                ActionSpec(
                    "remove_node",
                    "Remove from the inventory",
                    description="The machine itself is left alone.",
                    icon="trash-2",
                    confirm=Confirm.ASK,
                    danger=True,
                    **on_card,
                ),
                self._remove_node,
            ),
        )

    def _of_all(self) -> Sequence[Action]:
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
                ActionSpec("add_node", "Add a node", NewNode, "Write it into the inventory.", "plus", slots=(PAGE,)),
                self._add_node,
            ),
            Action(
                ActionSpec(
                    "discover",
                    "Find machines",
                    Search,
                    "Proposes only; nothing is enrolled.",
                    "radar",
                    slots=(PAGE,),
                    policy=Policy.OPERATE,
                ),
                self._discover,
            ),
            Action(
                ActionSpec(
                    "dgx_update",
                    "Update and reboot",
                    Update,
                    "DGX nodes, one after the other: drained first, waited for.",
                    "power",
                    slots=(PAGE, CARD),
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

    async def _enrol(self, form: Fingerprint, target: str) -> Plan:
        live, node = self.live(), self._node(target)
        key = await fetch_key(node.control_ip, node.ssh_port)
        wanted = form.fingerprint.strip()
        if wanted and wanted != key.fingerprint:
            raise Conflict(
                f"{node.id} shows {key.fingerprint}, not {wanted}", advice="do not go on: this is not the machine"
            )
        before = await asyncio.to_thread(pinned_keys, live.known_hosts, node.control_ip, node.ssh_port)
        known = [old.fingerprint for old in before if old != key]

        async def do_pin(work: Work) -> None:
            again = await fetch_key(node.control_ip, node.ssh_port)
            if again != key:
                raise NodeError(f"{node.id} shows another key than a moment ago", advice="find out why before going on")
            await asyncio.to_thread(pin, live.known_hosts, node.control_ip, node.ssh_port, key)
            work.log(f"{key.kind} {key.fingerprint} is pinned for {node.id}")

        warnings = tuple(f"it replaces the pinned {old}: was the machine installed anew?" for old in known)
        step = Step(
            f"Pin {key.fingerprint}",
            work=do_pin,
            shown_as=f"{node.control_ip} port {node.ssh_port}: {key.kind} {key.fingerprint}",
        )
        return Plan((step,), locks=frozenset({f"node:{node.id}"}), warnings=warnings)

    async def _install_agent(self, form: Install, target: str) -> Plan:
        live, node = self.live(), self._node(target)
        inventory = live.inventory
        assert inventory is not None, "it has the node"
        if node.executor != "ssh":
            raise Conflict(
                f"{node.id} is reached with {node.executor!r}",
                advice="agents are installed over ssh: write `executor: ssh` for it",
            )
        source = form.source.strip()
        if source.startswith("-"):
            raise InvalidRequest(f"{source!r} is nothing that pip could install")
        agent = agent_install.Agent(
            await self._agent_token(),
            live.inforce.settings.agent_allow,
            node.agent_port or inventory.agent_port,
            source,
            () if source else await asyncio.to_thread(own_wheels),
            form.service,
            agent_install.folder_below(live.inforce.agent_root),
        )
        warning = "plugins.cluster.agentAllow is empty: the agent will run no engine"
        steps = agent_install.steps(NodeId(node.id), agent)
        return Plan(steps, locks=frozenset({f"node:{node.id}"}), warnings=() if agent.allowed else (warning,))

    async def _agent_token(self) -> bytes:
        """The token that agents know. Raises Conflict."""
        file = self.live().inforce.agent_token_file
        if file is None:
            raise Conflict(
                "there is no token for agents",
                advice="make one with `swaplab-agent token FILE`, and set plugins.cluster.agentTokenFile",
            )
        token = (await asyncio.to_thread(read_text, file)).strip().encode()
        if not token:
            raise Conflict(f"{file} is empty or not there", advice="make one with `swaplab-agent token FILE`")
        return token

    async def _add_node(self, form: NewNode, _: str) -> Plan:
        node = new_node(form)
        inventory = self.live().inventory or Inventory()
        if any(node.id == one.id or node.data_ip == one.data_ip for one in inventory.nodes):
            raise Conflict(f"{node.id} or its data address is in the inventory already")
        return await self._change_inventory(f"Add {node.id}", lambda text: with_node(text, node))

    async def _remove_node(self, _: object, target: str) -> Plan:
        gone = self._node(target)
        inventory = self.live().inventory or Inventory()
        if gang := next((gang.id for gang in inventory.gangs if gone.id in gang.nodes), ""):
            raise Conflict(f"{gone.id} is a member of the gang {gang}", advice="take it out of the gang first")
        return await self._change_inventory(f"Remove {gone.id}", lambda text: without_node(text, gone.id))

    async def _change_inventory(self, title: str, change: Callable[[str], str]) -> Plan:
        """Write the changed inventory, in the place that is in force."""
        live = self.live()
        if live.errors:
            raise Conflict(f"the inventory cannot be read: {live.errors[0]}", advice="mend it first")
        config = live.lab.config.path
        folder = config.parent if config is not None else live.lab.state_folder("cluster")
        file = live.inforce.inventory_file or folder / "cluster-inventory.yaml"
        old = await asyncio.to_thread(read_text, file)
        new = await asyncio.to_thread(change, old)

        async def do_write(_: Work) -> None:
            if await asyncio.to_thread(read_text, file) != old:
                raise Conflict(f"{file} has changed meanwhile", advice="look at it and try again")
            await asyncio.to_thread(lambda: write(file, new, mode=0o644))
            await live.reload()

        changed = (FileChange(str(file), _diff(old, new, file.name)),)
        step = Step(title, work=do_write, shown_as=f"write {file}")
        return Plan((step,), locks=frozenset({"inventory"}), files=changed)

    def _look(self, _: object, __: str) -> Plan:
        live = self.live()

        async def look(work: Work) -> None:
            await live.reload_if_changed()
            await live.collector.refresh(frozenset(SECTIONS))
            work.log(sentence(overall(live.as_value()), live.collector.nodes))

        return Plan((Step("Look at all nodes", work=look, timeout_seconds=60.0, shown_as="probe every node"),))

    def _discover(self, form: Search, _: str) -> Plan:
        live = self.live()
        script = live.inforce.autodiscover
        if not form.network.strip() and not script:
            raise InvalidRequest("name a network", advice="such as 192.0.2.0/24, or set plugins.cluster.autodiscover")
        hosts = discovery.addresses(form.network) if form.network.strip() else ()

        async def find(work: Work) -> Mapping[str, Any]:
            found = await discovery.scan(hosts, form.port) if hosts else await _asked(live, script, work)
            known = {name for node in (live.inventory or Inventory()).nodes for name in node.names}
            fresh = [host for host in found if host not in known]
            for host in found:
                work.log(f"{host}{'' if host in fresh else ' (enrolled)'}")
            work.log(f"{len(found)} machines answer, {len(fresh)} of them are not enrolled")
            return {"found": list(found), "new": fresh}

        shown = f"dial port {form.port} of {len(hosts)} addresses" if hosts else f"ask {script}"
        return Plan((Step("Find machines", work=find, timeout_seconds=120.0, shown_as=shown),))

    async def _dgx_update(self, form: Update, target: str) -> Plan:
        live = self.live()
        names = form.nodes or ((target,) if target else ())
        wanted = dgx.wish({}, {"targets": list(names), "includeController": form.include_controller})
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
            Step(f"Run {script.argv[1]}", Command(script.argv), timeout_seconds=live.inforce.stop_seconds)
            for script in scripts
        ]
        return Plan((Step("Unload all models", work=stop, shown_as=shown), *steps), locks=frozenset({"cluster"}))


def new_node(form: NewNode) -> InventoryNode:
    """The entry of a form. Raises InvalidRequest."""
    if not is_id(form.id):
        raise InvalidRequest(f"{form.id!r} cannot be the name of a node", advice="letters, digits, '.', '_' and '-'")
    data, proxy = form.data_ip or form.control_ip, form.proxy_ip or form.control_ip
    for address in (form.control_ip, data, proxy):
        if not is_address(address):
            raise InvalidRequest(f"{address!r} is no address", advice="write an IP address or a host name")
    if form.ssh_user and not is_user(form.ssh_user):
        raise InvalidRequest(f"{form.ssh_user!r} is no login name")
    return InventoryNode(
        id=form.id, data_ip=data, control_ip=form.control_ip, proxy_ip=proxy, executor=form.executor,
        ssh_user=form.ssh_user, ssh_port=form.ssh_port, agent_pin=form.agent_pin,
    )  # fmt: skip


def _diff(old: str, new: str, name: str) -> str:
    lines = difflib.unified_diff(old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{name}", f"b/{name}")
    return "".join(lines)


async def _asked(live: Live, script: str, work: Work) -> tuple[str, ...]:
    output = await live.lab.run(Command(discovery.script_argv(script)), timeout_seconds=60.0)
    found = discovery.read(output.stdout.decode(errors="replace"))
    for error in found.errors:
        work.log(error)
    if not found.nodes:
        raise NodeError(f"{script} found no machine", advice="; ".join(found.errors) or "see what it prints by itself")
    return found.nodes
