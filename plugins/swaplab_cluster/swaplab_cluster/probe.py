"""The probe: one script for everything that is asked of a machine, and the reader of what it prints. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files

from swaplab_cluster.facts import (
    Cpu,
    DgxUpdate,
    Disk,
    Facts,
    Gpu,
    Gpus,
    Link,
    Memory,
    Metrics,
    RdmaPort,
    RemoteDisk,
    StoredPath,
)

SECTIONS = ("metrics", "storage", "dgx")
MEMORY_UNIT_KIB = 1024
_NAME = "swaplab-probe"
_NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ceph",
        "fuse.ceph",
        "glusterfs",
        "fuse.glusterfs",
        "lustre",
        "beegfs",
        "gpfs",
        "fuse.sshfs",
        "fuse.juicefs",
        "fuse.s3fs",
        "9p",
        "afs",
        "ocfs2",
        "gfs2",
    }
)
_ABSENT = (
    "timeout",
    "timed out",
    "no bus",
    "failed to connect to bus",
    "command not found",
    "not found",
    "no such file",
    "permission denied",
    "sudo:",
    "unknown object",
    "unknown method",
    "unknown service",
    "unknown user",
    "not provided by any",
    "a password is required",
)
"""What busctl and sudo say where there is no such service: then it is no DGX, which is no error."""


def script() -> str:
    """The text of the script."""
    return files("swaplab_cluster").joinpath("data/probe.sh").read_text(encoding="utf-8")


def argv(text: str, sections: Iterable[str], paths: Sequence[str] = ()) -> tuple[str, ...]:
    """The command that probes a machine. `text` is the script."""
    return ("sh", "-c", text, _NAME, ",".join(section for section in SECTIONS if section in set(sections)), *paths)


def asked(command: Sequence[str], text: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Sections and paths of a probing command; None when it is another command."""
    if tuple(command[:4]) != ("sh", "-c", text, _NAME) or len(command) < 5:
        return None
    return tuple(command[4].split(",")) if command[4] else (), tuple(command[5:])


def shown(sections: Iterable[str], paths: Sequence[str]) -> str:
    """What people see instead of the script."""
    return shlex.join((_NAME, ",".join(sections), *paths))


def read(text: str, sections: Iterable[str], paths: Sequence[str] = ()) -> Facts:
    """Read what the script printed; never raises, whatever it is."""
    said = _by_fact(text)
    wanted = set(sections)
    return Facts(
        host=_first(said, "host"),
        boot_id=_first(said, "boot"),
        uptime_seconds=_decimal(_first(said, "uptime")),
        probe_ms=_elapsed(_first(said, "elapsed")),
        metrics=_metrics(said) if "metrics" in wanted else None,
        dgx=_dgx(said.get("dgx", ())) if "dgx" in wanted else None,
        paths=_paths(said.get("path", ()), paths) if "storage" in wanted else None,
    )


def _metrics(said: Mapping[str, Sequence[str]]) -> Metrics:
    return Metrics(
        _cpu(said),
        _memory(said),
        _disk(_first(said, "disk")),
        _gpus(said),
        tuple(_rdma(line) for line in said.get("rdma", ())),
        tuple(_link(line) for line in said.get("net", ())),
        tuple(_remote_disk(line) for line in said.get("nvme", ())),
    )


def _by_fact(text: str) -> dict[str, list[str]]:
    said: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("@"):
            fact, _, value = line[1:].partition(" ")
            said.setdefault(fact, []).append(value.strip())
    return said


def _first(said: Mapping[str, Sequence[str]], fact: str) -> str:
    return next(iter(said.get(fact, ())), "")


def _decimal(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", text.strip()) else None


def _whole(text: str) -> int | None:
    number = _decimal(text)
    return None if number is None else round(number)


def _elapsed(text: str) -> float | None:
    began, _, ended = text.partition(" ")
    if not (began.isdecimal() and ended.isdecimal()):
        return None
    return (int(ended) - int(began)) / 1e6


def _cpu(said: Mapping[str, Sequence[str]]) -> Cpu:
    load = _decimal(_first(said, "load").partition(" ")[0])
    samples = [[int(word) for word in line.split()[1:9] if word.isdecimal()] for line in said.get("cpu", ())]
    if len(samples) < 2 or any(len(sample) < 5 for sample in samples):
        return Cpu(load1=load, error="/proc/stat cannot be read")
    total = sum(samples[-1]) - sum(samples[0])
    idle = sum(samples[-1][3:5]) - sum(samples[0][3:5])
    if total <= 0:
        return Cpu(load1=load, error="the clock of the processor stands still")
    return Cpu(float(round(100 * max(0, total - idle) / total)), load)


def _memory(said: Mapping[str, Sequence[str]]) -> Memory:
    kib = {}
    for line in said.get("mem", ()):
        name, _, rest = line.partition(":")
        kib[name] = _whole(rest.replace("kB", "")) or 0
    if not kib.get("MemTotal"):
        return Memory(error="/proc/meminfo cannot be read")
    available = kib.get("MemAvailable", kib.get("MemFree", 0))
    swap = kib.get("SwapTotal", 0) - kib.get("SwapFree", 0)
    return Memory(kib["MemTotal"] // MEMORY_UNIT_KIB, available // MEMORY_UNIT_KIB, max(0, swap) // MEMORY_UNIT_KIB)


def _disk(line: str) -> Disk:
    columns = line.split()
    sizes = [_whole(column) for column in columns[1:4]]
    if len(sizes) < 3 or None in sizes:
        return Disk(error="df answered nothing in time")
    total, used, free = (size // MEMORY_UNIT_KIB for size in sizes if size is not None)
    return Disk(total, used, free)


def _gpus(said: Mapping[str, Sequence[str]]) -> Gpus:
    if "gpu" not in said:
        errors = " ".join(said.get("gpuerror", ()))
        return Gpus(error="" if "no devices" in errors.lower() else errors[:300])
    devices = (_gpu(line) for line in said["gpu"] if "no devices" not in line.lower())
    return Gpus(tuple(gpu for gpu in devices if gpu is not None))


def _gpu(line: str) -> Gpu | None:
    columns = [column.strip() for column in line.split(",")]
    index = _whole(columns[0])
    if index is None or len(columns) < 6:
        return None
    utilization, total, used, free, *more = (_decimal(column) for column in columns[2:])
    sizes = (None if size is None else round(size) for size in (total, used, free))
    return Gpu(index, columns[1], utilization, *sizes, *more[:2])


def _rdma(line: str) -> RdmaPort:
    device, port, state, physical, rate, layer, interface = (*line.split("|"), *[""] * 7)[:7]
    return RdmaPort(
        device, port, state.rpartition(":")[2].strip(), physical.rpartition(":")[2].strip(), rate, layer, interface
    )


def _link(line: str) -> Link:
    name, state, speed = (*line.split("|"), "", "")[:3]
    mbit = _whole(speed)
    return Link(name, state, mbit if mbit is not None and mbit > 0 else None)


def _remote_disk(line: str) -> RemoteDisk:
    device, transport, state, address, subsystem = (*line.split("|"), *[""] * 5)[:5]
    return RemoteDisk(device, transport, state, address, subsystem)


def _dgx(lines: Sequence[str]) -> DgxUpdate:
    answers = {}
    for line in lines:
        method, code, text = (*line.split("|", 2), "", "")[:3]
        answers[method] = (code, text.strip())
    code, said = answers.get("GetUpdatesAvailable", ("1", "not found"))
    if code != "0":
        absent = code in {"124", "127"} or any(word in said.lower() for word in _ABSENT)
        return DgxUpdate(error="" if absent else said)
    upgrade, upgrade_text = _progress(answers.get("StatusUpgrade", ("", ""))[1])
    cache, cache_text = _progress(answers.get("StatusUpdateCache", ("", ""))[1])
    running = _truth(answers.get("IsUpdateRebootRunning", ("", ""))[1])
    return DgxUpdate(True, _truth(said), running, upgrade, upgrade_text, cache, cache_text)


def _truth(text: str) -> bool | None:
    found = re.search(r"\bb (true|false)\b", text)
    return None if found is None else found[1] == "true"


def _progress(text: str) -> tuple[int | None, str]:
    found = re.search(r'\bis (-?\d{1,9}) "((?:[^"\\]|\\.)*)"', text)
    return (int(found[1]), found[2]) if found else (None, "")


def _paths(lines: Sequence[str], paths: Sequence[str]) -> tuple[StoredPath, ...]:
    found = {}
    for line in lines:
        number, *columns = line.split("|")
        if number.isdecimal() and int(number) < len(paths):
            found[int(number)] = _path(paths[int(number)], columns)
    return tuple(found.get(at) or StoredPath(path, exists=False) for at, path in enumerate(paths))


def _path(path: str, columns: Sequence[str]) -> StoredPath:
    exists, device, source, filesystem, mount, block, size, real = (*columns, *[""] * 8)[:8]
    if exists != "1":
        return StoredPath(path, exists=False)
    identity = _identity(source, filesystem, mount, block, real)
    return StoredPath(path, True, _whole(size), device, source, filesystem, mount, identity, real)


def _identity(source: str, filesystem: str, mount: str, block: str, real: str) -> str:
    """Name the storage so that two machines that mount the same give the same name.

    A file system of the network is named by its source, a disk that comes over NVMe-oF by its world-wide name, both
    with the place below the mount point. Everything else is a machine's own: device numbers and even the UUIDs of file
    systems repeat on machines that were set up from one image.
    """
    below = real.removeprefix(mount.rstrip("/")) if mount else real
    transport, _, world = block.partition(":")
    if filesystem in _NETWORK:
        return f"{filesystem}:{source}{below}"
    if transport in {"tcp", "rdma", "fc"} and world:
        return f"nvme:{world}{below}"
    return ""
