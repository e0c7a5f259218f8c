"""What is asked before something is done: the forms of the actions."""

from __future__ import annotations

from attrs import frozen

from swaplab_cluster import model_cache
from swaplab_core.plugin import Options, form_field

NODES = Options("api/plugins/cluster/node-ids", value="id", label="title")


@frozen(kw_only=True)
class Reason:
    """Why something is drained."""

    reason: str = form_field("Reason", "by hand", help="shown to those who are refused")


@frozen(kw_only=True)
class Fingerprint:
    """What a person has compared."""

    fingerprint: str = form_field(
        "Fingerprint", "", help="SHA256:… as the machine's console shows it; another one is then refused"
    )


@frozen(kw_only=True)
class NewNode:
    """A machine to be enrolled."""

    id: str = form_field("Name", help="letters, digits, dot, dash")
    control_ip: str = form_field("Address", help="where this host reaches it")
    data_ip: str = form_field("Data address", "", help="on the fast network; unwritten: the same")
    proxy_ip: str = form_field("Proxy address", "", help="where requests are sent; unwritten: the address")
    ssh_user: str = form_field("SSH user", "")
    ssh_port: int = form_field("SSH port", 22, minimum=1, maximum=65535)
    executor: str = form_field("Reached with", "", choices=("", "ssh", "agent", "local"))
    agent_pin: str = form_field("Agent certificate", "", help="sha256 that `swaplab-agent pin` prints", advanced=True)


@frozen(kw_only=True)
class Search:
    """Where to look for machines."""

    network: str = form_field("Network", "", help="such as 192.0.2.0/24; unwritten: what the discovery script finds")
    port: int = form_field("Port", 22, minimum=1, maximum=65535)


@frozen(kw_only=True)
class Update:
    """Which nodes are updated."""

    nodes: tuple[str, ...] = form_field("Nodes", (), widget="nodes", options=NODES, help="updated one after the other")
    include_controller: bool = form_field(
        "This machine too", default=False, help="it is updated last, and this job ends with it"
    )


@frozen(kw_only=True)
class StopAll:
    """What is stopped."""

    scripts: bool = form_field("Stop scripts too", default=True, help="those of the backends in use")


@frozen(kw_only=True)
class Install:
    """What the agent is installed from, and who runs it."""

    source: str = form_field(
        "Package", "", help="what pip installs on the node; unwritten: this very version, sent from here", advanced=True
    )
    service: bool = form_field(
        "As a service", default=True, help="of systemd; without it the job says how the agent is started"
    )


@frozen(kw_only=True)
class CopyModel:
    """What is copied where."""

    repo: str = form_field("Model", help="folder in the cache, models--ORG--NAME")
    source: str = form_field("From", options=NODES)
    targets: tuple[str, ...] = form_field("To", (), widget="nodes", options=NODES)
    folder: str = form_field("Cache", model_cache.FOLDER, help="the same folder on all of them")
    limit: int = form_field("At most", 0, minimum=0, unit="MiB/s", help="0: as fast as may be", advanced=True)


@frozen(kw_only=True)
class DeleteModel:
    """What is deleted where."""

    repo: str = form_field("Model", help="folder in the cache, models--ORG--NAME")
    nodes: tuple[str, ...] = form_field("On", (), widget="nodes", options=NODES)
    folder: str = form_field("Cache", model_cache.FOLDER)


@frozen(kw_only=True)
class NetTune:
    """How the network is tuned."""

    apply: bool = form_field("Do it", default=False, help="without it the job only shows what would be done")
    interface: str = form_field("Interface", "", help="whose offloads are changed; unwritten: none")
    mode: str = form_field("Offloads", "perf", choices=("perf", "debug"))
    rollback: str = form_field("Snapshot to put back", "", help="a file that an earlier run has named")


@frozen(kw_only=True)
class Connect:
    """What is connected."""

    apply: bool = form_field("Do it", default=False, help="without it the job only shows what would be done")
    transport: str = form_field("Transport", "tcp", choices=("tcp", "rdma"))
    address: str = form_field("Target address")
    subsystem: str = form_field("Subsystem NQN")
    port: int = form_field("Port", 4420, minimum=1, maximum=65535)
    disconnect_first: bool = form_field("Disconnect first", default=False)


@frozen(kw_only=True)
class InstallKit:
    """Whether it is done."""

    apply: bool = form_field("Do it", default=False, help="without it the job only shows what would be done")
