"""Who belongs to the cluster: find machines, enrol them, install their agents, write them into the inventory."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define

from swaplab_cluster import agent_install, discovery
from swaplab_cluster.action_forms import Fingerprint, Install, NewNode, Search
from swaplab_cluster.enrolment import fetch_key, pin, pinned_keys
from swaplab_cluster.files import read_text, write
from swaplab_cluster.inventory import Inventory, InventoryNode, is_address, is_id, is_user
from swaplab_cluster.inventory_edit import with_node, without_node
from swaplab_cluster.live import Live
from swaplab_cluster.own_wheels import own_wheels
from swaplab_cluster.pages import PAGE, ROW
from swaplab_core.domain.errors import Conflict, InvalidRequest, NodeError
from swaplab_core.domain.node import NodeId
from swaplab_core.plugin import Action, ActionSpec, Command, Confirm, FileChange, Plan, Policy, Step, Work


@define(eq=False)
class InventoryActions:
    """The actions on the inventory of one cluster, and those that make a machine fit to be in it."""

    live: Callable[[], Live]

    def all(self) -> tuple[Action, ...]:
        """Every action."""
        return (*self._of_one_node(), *self._of_all_nodes())

    def _of_one_node(self) -> Sequence[Action]:
        on_row: dict[str, Any] = {"slots": (ROW,), "target": "node"}
        return (
            Action(
                ActionSpec(
                    "enrol",
                    "Pin its host key",
                    Fingerprint,
                    "Trust the key that the machine shows now.",
                    "key-round",
                    confirm=Confirm.ASK,
                    confirm_text="Compare the fingerprint in the preview with the one at the machine's console.",
                    **on_row,
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
                    **on_row,
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
                    **on_row,
                ),
                self._remove_node,
            ),
        )

    def _of_all_nodes(self) -> Sequence[Action]:
        return (
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
        )

    # planners

    def _node(self, name: str) -> InventoryNode:
        return self.live().node(name)

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
            live.in_force.settings.agent_allow,
            node.agent_port or inventory.agent_port,
            source,
            () if source else await asyncio.to_thread(own_wheels),
            form.service,
            agent_install.folder_below(live.in_force.agent_root),
        )
        warning = "plugins.cluster.agentAllow is empty: the agent will run no engine"
        steps = agent_install.steps(NodeId(node.id), agent)
        return Plan(steps, locks=frozenset({f"node:{node.id}"}), warnings=() if agent.allowed else (warning,))

    async def _agent_token(self) -> bytes:
        """The token that agents know. Raises Conflict."""
        file = self.live().in_force.agent_token_file
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
        file = live.inventory_place
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

    def _discover(self, form: Search, _: str) -> Plan:
        live = self.live()
        script = live.in_force.autodiscover
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
