"""What the operator may set, and what comes of it: the file's `plugins.cluster`, then the environment, then what was
chosen in the UI. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from swaplab_cluster.inventory import Inventory, Rdma, is_user
from swaplab_cluster.inventory_file import is_true
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import form_field

MODES = ("", "auto", "local", "agent")
NAMES = ("cluster-inventory.yaml", "cluster.inventory.yaml")
DEFAULT_STATUS_SECONDS = 60.0
DEFAULT_STOP_SECONDS = 480.0


@frozen
class Settings:
    """`plugins.cluster` of the configuration file."""

    inventory: str = form_field(
        "Inventory", "", help="path of the inventory; unwritten: cluster-inventory.yaml beside the configuration"
    )
    exec_mode: str = form_field(
        "How nodes are reached",
        "",
        choices=MODES,
        help="local: with ssh; agent: through their agents; auto: agent for nodes with a pinned certificate, else ssh",
    )
    ssh_user: str = form_field("SSH user", "", help="login name where the inventory has none; unwritten: your own")
    ssh_identity: str = form_field(
        "SSH key", "", help="private key; unwritten: those of your account and its ssh agent"
    )
    known_hosts: str = form_field(
        "Pinned host keys", "", help="known_hosts file with the keys of the nodes; unwritten: one that enrolling fills"
    )
    ssh_config: bool = form_field(
        "Read ~/.ssh/config", default=False, help="follow your ssh configuration (jump hosts)"
    )
    copy_identity: str = form_field(
        "Key between nodes",
        "",
        help="private key on the nodes with which they log in on each other to copy models; "
        "unwritten: those of the account there",
    )
    agent_token_file: str = form_field("Agent token", "", help="file with the token that all agents know")
    agent_lease_seconds: float = form_field(
        "Agent lease", 20.0, minimum=1, unit="s", help="how long engines on agents go on when this host is silent"
    )
    agent_lease_ends: str = form_field(
        "When a lease ends", "stop", choices=("stop", "keep"), help="stop the engine, or keep it to be taken over again"
    )
    agent_allow: tuple[str, ...] = form_field(
        "Programs for agents", (), help="what `Install agent` lets agents run: names, paths, or folders ending in /"
    )
    collect_seconds: float = form_field(
        "Look at nodes every", 15.0, minimum=0, unit="s", help="for charts; 0 looks only when somebody asks"
    )
    status_seconds: float = form_field(
        "Status is fresh for", DEFAULT_STATUS_SECONDS, minimum=0, unit="s", help="0 looks every time"
    )
    storage_paths: tuple[str, ...] = form_field(
        "Storage paths", (), help="paths of the storage matrix; unwritten: the usual caches"
    )
    autodiscover: str = form_field("Discovery script", "", help="path of an autodiscover.sh")


@frozen
class Chosen:
    """What was chosen in the UI, kept in the state folder; "" follows the rest."""

    exec_mode: str = ""
    inventory_file: str = ""

    @property
    def is_empty(self) -> bool:
        """Nothing was chosen."""
        return not (self.exec_mode or self.inventory_file)


@frozen
class Effective:
    """What is in force. `requested` is what the environment or a person asked for, `env_mode` what the environment."""

    settings: Settings
    exec_mode: str
    requested: str
    env_mode: str
    inventory_file: Path | None
    autodetected: Path | None
    autodiscover: str
    agent_token_file: Path | None
    status_seconds: float
    stop_seconds: float
    is_chosen: bool = False
    agent_root: str = ""


def effective(
    settings: Settings,
    chosen: Chosen,
    environment: Mapping[str, str],
    folders: tuple[Path, ...],
    exists: Callable[[Path], bool],
) -> Effective:
    """Put it together. `folders` are those in which an inventory is looked for."""
    env_mode = environment.get("LLAMA_SWAP_CLUSTER_EXEC_MODE", "").strip().lower()
    requested = chosen.exec_mode or env_mode or settings.exec_mode
    places = (folder / name for folder in folders for name in NAMES)
    autodetected = next((place for place in places if exists(place)), None)
    named = chosen.inventory_file or environment.get("LLAMA_SWAP_CLUSTER_INVENTORY_FILE", "") or settings.inventory
    token = environment.get("LLAMA_SWAP_AGENT_TOKEN_FILE", "") or settings.agent_token_file
    return Effective(
        settings,
        requested if requested in {"agent", "auto"} else "local",
        requested,
        env_mode,
        path(named, environment) or autodetected,
        autodetected,
        environment.get("LLAMA_SWAP_CLUSTER_AUTODISCOVER_PATH", "") or settings.autodiscover,
        path(token, environment),
        _seconds(environment, "LLAMA_SWAP_CLUSTER_STATUS_CACHE_TTL_SECONDS", settings.status_seconds, at_least=0),
        _seconds(environment, "LLAMA_SWAP_CLUSTER_STOP_TIMEOUT_SECONDS", DEFAULT_STOP_SECONDS, at_least=1),
        is_chosen=not chosen.is_empty,
        agent_root=environment.get("LLAMA_SWAP_CLUSTER_AGENT_REMOTE_ROOT", ""),
    )


def path(text: str, environment: Mapping[str, str]) -> Path | None:
    """A path as a person writes it, `~` being their home; None when there is none."""
    text = text.strip()
    if text == "~" or text.startswith("~/"):
        text = environment.get("HOME", "~") + text[1:]
    return Path(text) if text else None


def _seconds(environment: Mapping[str, str], name: str, default: float, *, at_least: float) -> float:
    """A number of seconds; what is none is as if it were not set."""
    try:
        value = float(environment.get(name, ""))
    except ValueError:
        return default
    return value if at_least <= value < float("inf") else default


def normalised(inventory: Inventory, settings: Settings, environment: Mapping[str, str]) -> Inventory:
    """Fill in what the environment says: login, agent port, RDMA, head. Raises InvalidRequest for an unknown head."""
    user = environment.get("LLAMA_SWAP_CLUSTER_DEFAULT_SSH_USER", "").strip() or settings.ssh_user
    if user and not is_user(user):
        raise InvalidRequest(f"the SSH user {user!r} is no login name")
    port = environment.get("LLAMA_SWAP_AGENT_DEFAULT_PORT", "")
    agent_port = int(port) if port.isdecimal() and 0 < int(port) < 65536 else inventory.agent_port
    nodes = tuple(evolve(node, ssh_user=node.ssh_user or user) for node in inventory.nodes)
    filled = evolve(inventory, nodes=nodes, agent_port=agent_port, rdma=_rdma(inventory.rdma, environment))
    head = environment.get("LLAMA_SWAP_CLUSTER_HEAD_NODE", "").strip()
    if not head:
        return filled
    try:
        return filled.with_head(head)
    except KeyError:
        raise InvalidRequest(
            f"LLAMA_SWAP_CLUSTER_HEAD_NODE names {head!r}, which is no node of the inventory",
            advice=f"one of: {', '.join(node.id for node in inventory.nodes)}",
        ) from None


def _rdma(rdma: Rdma, environment: Mapping[str, str]) -> Rdma:
    names = environment.get("LLAMA_SWAP_CLUSTER_RDMA_IB_IF", "")
    return Rdma(
        rdma.required or bool(is_true(environment.get("LLAMA_SWAP_CLUSTER_RDMA_REQUIRED", ""))),
        rdma.eth_if or environment.get("LLAMA_SWAP_CLUSTER_RDMA_ETH_IF", "").strip(),
        rdma.ib_if or tuple(name.strip() for name in names.split(",") if name.strip()),
    )


def executor_of(mode: str, executor: str, agent_pin: str) -> str:
    """Which executor reaches a node: what its entry says, else what the mode says."""
    if executor:
        return executor
    if mode == "agent" or (mode == "auto" and agent_pin):
        return "agent"
    return "ssh"


def shown(in_force: Effective) -> dict[str, Any]:
    """The answer of `GET /api/cluster/settings`."""
    file = in_force.inventory_file
    answer: dict[str, Any] = {
        "execMode": in_force.exec_mode,
        "requestedExecMode": in_force.requested or None,
        "inventoryFile": str(file) if file else None,
        "autoDetectedInventoryFile": str(in_force.autodetected) if in_force.autodetected else None,
        "clusterExecModeEnv": in_force.env_mode or None,
    }
    return {key: value for key, value in answer.items() if value is not None}
