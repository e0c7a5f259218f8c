"""What is known of a machine: the values that a probe brings home. Sizes are MiB unless the name says otherwise."""

from __future__ import annotations

from attrs import frozen


@frozen
class Cpu:
    """How busy the processor was during the probe, in percent, and the load of the last minute."""

    usage_percent: float | None = None
    load1: float | None = None
    error: str = ""


@frozen
class Memory:
    """The memory of the host. On unified-memory machines it is that of the GPU as well."""

    total_mib: int = 0
    available_mib: int = 0
    swap_used_mib: int = 0
    error: str = ""

    @property
    def used_mib(self) -> int:
        """What programs hold."""
        return self.total_mib - self.available_mib


@frozen
class Disk:
    """The root file system."""

    total_mib: int = 0
    used_mib: int = 0
    free_mib: int = 0
    error: str = ""


@frozen
class Gpu:
    """One GPU. Its memory is None where the driver does not tell, as with unified memory."""

    index: int
    name: str = ""
    utilization_pct: float | None = None
    total_mib: int | None = None
    used_mib: int | None = None
    free_mib: int | None = None
    temperature: float | None = None
    power_watts: float | None = None

    @property
    def memory_known(self) -> bool:
        """Whether the driver told the memory."""
        return self.total_mib is not None


@frozen
class Gpus:
    """All GPUs of a machine; none is no error."""

    devices: tuple[Gpu, ...] = ()
    error: str = ""

    @property
    def quality(self) -> str:
        """How much is known: full, util_only, count_only, none."""
        if not self.devices:
            return "none"
        if all(gpu.memory_known for gpu in self.devices):
            return "full"
        return "util_only" if any(gpu.utilization_pct is not None for gpu in self.devices) else "count_only"


@frozen
class RdmaPort:
    """One port of an RDMA device, from `/sys/class/infiniband`."""

    device: str
    port: str
    state: str
    physical: str = ""
    rate: str = ""
    layer: str = ""
    interface: str = ""

    @property
    def is_up(self) -> bool:
        """Can it carry data?"""
        return self.state == "ACTIVE"


@frozen
class Link:
    """One network interface."""

    name: str
    state: str
    speed_mbit: int | None = None


@frozen
class DgxUpdate:
    """What a DGX says about updates of its system; nothing where it is no DGX."""

    supported: bool = False
    update_available: bool | None = None
    reboot_running: bool | None = None
    upgrade_progress: int | None = None
    upgrade_status: str = ""
    cache_progress: int | None = None
    cache_status: str = ""
    error: str = ""


@frozen
class StoredPath:
    """One path on one machine. `identity` is the same on two machines only when it is the same storage, "" is local."""

    path: str
    exists: bool
    size_kib: int | None = None
    device: str = ""
    source: str = ""
    filesystem: str = ""
    mount: str = ""
    identity: str = ""
    real: str = ""


@frozen
class RemoteDisk:
    """An NVMe controller that is reached over a network, from `/sys/class/nvme`."""

    device: str
    transport: str
    state: str
    address: str = ""
    subsystem: str = ""

    @property
    def is_live(self) -> bool:
        """Can it be read and written?"""
        return self.state == "live"


@frozen
class Metrics:
    """How busy a machine is, and how its network ports are."""

    cpu: Cpu
    memory: Memory
    disk: Disk
    gpus: Gpus
    rdma: tuple[RdmaPort, ...] = ()
    links: tuple[Link, ...] = ()
    disks: tuple[RemoteDisk, ...] = ()


@frozen
class Facts:
    """Everything that one probe brought; None is what it was not asked."""

    host: str = ""
    boot_id: str = ""
    uptime_seconds: float | None = None
    probe_ms: float | None = None
    metrics: Metrics | None = None
    dgx: DgxUpdate | None = None
    paths: tuple[StoredPath, ...] | None = None


NOTHING = Facts()
