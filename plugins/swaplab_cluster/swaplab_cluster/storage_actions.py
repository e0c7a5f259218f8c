"""What people can do with storage: copy and delete cached models, and the NVMe-oF toolkit. Each runs as a job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

from attrs import define

from swaplab_cluster import agent_install, model_cache
from swaplab_cluster.action_forms import Connect, CopyModel, DeleteModel, InstallKit, NetTune
from swaplab_cluster.copying import Login, copy_command, read_progress
from swaplab_cluster.draining import ModelRecord
from swaplab_cluster.enrolment import pinned_keys
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.live import Live
from swaplab_cluster.pages import PAGE, ROW
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.node import NodeId
from swaplab_core.plugin import Action, ActionSpec, Command, Confirm, Plan, Step

COPY_SECONDS = 12 * 3600.0
KIT = ("nvmeof-initiator-canary.sh", "net-tune-canary.sh", "install-nvmeof-canary-units.sh")
KIT_FILES = (*KIT, "nvmeof-connect@.service", "net-tune-canary.service", "nvmeof-sample.env", "net-tune.env")
KIT_FOLDER = ".local/share/swaplab-nvmeof"


@define(eq=False)
class StorageActions:
    """The actions on caches and remote disks of one cluster."""

    live: Callable[[], Live]

    def all(self) -> tuple[Action, ...]:
        """Every action."""
        return (
            Action(
                ActionSpec(
                    "copy_model",
                    "Copy a model",
                    CopyModel,
                    "Over the data network; an interrupted copy goes on.",
                    "copy",
                    slots=(PAGE,),
                ),
                self._copy_model,
            ),
            Action(
                ActionSpec(
                    "delete_model",
                    "Delete a model",
                    DeleteModel,
                    "From the caches of the named nodes.",
                    "trash-2",
                    slots=(PAGE,),
                    confirm=Confirm.ASK,
                    danger=True,
                ),
                self._delete_model,
            ),
            Action(
                ActionSpec(
                    "net_tune",
                    "Tune the network",
                    NetTune,
                    "For NVMe-oF; what was there can be put back.",
                    "gauge",
                    slots=(ROW,),
                    target="node",
                ),
                self._net_tune,
            ),
            Action(
                ActionSpec(
                    "nvmeof_connect",
                    "Connect NVMe-oF",
                    Connect,
                    "With cautious time limits.",
                    "hard-drive",
                    slots=(ROW,),
                    target="node",
                ),
                self._nvmeof_connect,
            ),
            Action(
                ActionSpec(
                    "nvmeof_install",
                    "Install the NVMe-oF units",
                    InstallKit,
                    "Scripts, systemd units and samples of their settings.",
                    "package",
                    slots=(ROW,),
                    target="node",
                ),
                self._install_kit,
            ),
        )

    def _node(self, name: str) -> InventoryNode:
        return self.live().node(name)

    async def _copy_model(self, form: CopyModel, _: str) -> Plan:
        source = self._node(form.source)
        targets = [self._node(name) for name in form.targets]
        if not targets or source in targets:
            raise InvalidRequest("name the nodes to copy to", advice="other ones than the node it is copied from")
        steps: list[Step] = []
        for target in targets:
            steps += await self._copy_steps(form, source, target)
        locks = frozenset({f"cache:{node.id}" for node in (source, *targets)})
        return Plan(tuple(steps), locks=locks)

    async def _copy_steps(self, form: CopyModel, source: InventoryNode, target: InventoryNode) -> Sequence[Step]:
        live = self.live()
        settings = live.in_force.settings
        identity = settings.ssh_identity if source.executor == "local" else settings.copy_identity
        keys = await asyncio.to_thread(pinned_keys, live.known_hosts, target.control_ip, target.ssh_port)
        copy = copy_command(source, target, form.folder, form.repo, Login(identity, keys), limit_mib=form.limit)
        verify = model_cache.command(model_cache.script(), "verify", form.folder, form.repo)
        return (
            Step(
                f"Copy to {target.id}",
                copy,
                node=NodeId(source.id),
                timeout_seconds=COPY_SECONDS,
                reads_progress=read_progress,
            ),
            Step(f"Verify on {target.id}", verify, node=NodeId(target.id), timeout_seconds=COPY_SECONDS),
        )

    async def _delete_model(self, form: DeleteModel, _: str) -> Plan:
        live = self.live()
        nodes = [self._node(name) for name in form.nodes]
        if not nodes:
            raise InvalidRequest("name the nodes", advice="nothing is deleted anywhere without being named")
        text = model_cache.script()
        warnings = _uses(form.repo, nodes, live.lab.config.models(), await live.operations.models())
        steps = [
            Step(
                f"Delete on {node.id}",
                model_cache.command(text, "delete", form.folder, form.repo),
                node=NodeId(node.id),
            )
            for node in nodes
        ]
        return Plan(tuple(steps), locks=frozenset({f"cache:{node.id}" for node in nodes}), warnings=warnings)

    async def _net_tune(self, form: NetTune, target: str) -> Plan:
        node = self._node(target)
        arguments = ["--rollback", form.rollback] if form.rollback else ["--apply" if form.apply else "--show"]
        arguments += ["--mode", form.mode, *(["--iface", form.interface] if form.interface else [])]
        return await self._kit_plan(node, "net-tune-canary.sh", arguments, as_root=form.apply or bool(form.rollback))

    async def _nvmeof_connect(self, form: Connect, target: str) -> Plan:
        node = self._node(target)
        arguments = ["--transport", form.transport, "--traddr", form.address, "--trsvcid", str(form.port)]
        arguments += ["--subsysnqn", form.subsystem, *(["--disconnect-first"] if form.disconnect_first else [])]
        arguments += ["--apply"] if form.apply else ["--dry-run"]
        return await self._kit_plan(node, "nvmeof-initiator-canary.sh", arguments, as_root=form.apply)

    async def _install_kit(self, form: InstallKit, target: str) -> Plan:
        node = self._node(target)
        arguments = ["--apply"] if form.apply else ["--dry-run"]
        return await self._kit_plan(node, "install-nvmeof-canary-units.sh", arguments, KIT_FILES, as_root=form.apply)

    async def _kit_plan(
        self,
        node: InventoryNode,
        script: str,
        arguments: Sequence[str],
        names: Sequence[str] = (),
        *,
        as_root: bool,
    ) -> Plan:
        """Bring files of the toolkit to the node, then run one of its scripts there."""
        kit = await asyncio.to_thread(_kit, names or (script,))
        bring = [
            Step(
                f"Bring {name}",
                Command(("sh", "-c", agent_install.WRITE, "write", f"{KIT_FOLDER}/{name}"), stdin=content),
                node=NodeId(node.id),
            )
            for name, content in kit.items()
        ]
        sudo = ("sudo", "-n") if as_root else ()
        run = Command((*sudo, "sh", f"{KIT_FOLDER}/{script}", *arguments))
        step = Step(f"Run {script}", run, node=NodeId(node.id), timeout_seconds=120.0)
        return Plan((*bring, step), locks=frozenset({f"node:{node.id}"}))


def _uses(
    repo: str,
    nodes: Sequence[InventoryNode],
    entries: Mapping[str, Mapping[str, Any]],
    models: Sequence[ModelRecord],
) -> tuple[str, ...]:
    """Who uses a repository on these nodes: the models that name it, and where they run now."""
    running = {str(model.id): model.node for model in models if model.is_up}
    told = []
    for user in model_cache.users(repo, entries):
        there = next((node.id for node in nodes if node.id == running.get(user)), "")
        told.append(f"the model {user} uses it, and runs on {there}" if there else f"the model {user} uses it")
    return tuple(told)


def _kit(names: Sequence[str]) -> dict[str, bytes]:
    folder = files("swaplab_cluster").joinpath("data/nvmeof")
    return {name: folder.joinpath(name).read_bytes() for name in names}
