"""Machines of their own for tests: an sshd each with home, PATH, an address for control and one for data, and a key.

They can be cut off, and be rebooted.

They share this machine's kernel and account. What runs there finds the home in `HOME`, and begins in it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from attrs import define, field

from swaplab_cluster.testing_sshd import prepare, public_key, run_sshd
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.real_process import RealProcess
from swaplab_core.testing.waiting import wait_until

BOOT_ID = "/proc/sys/kernel/random/boot_id"
_WITH_BOOT_ID = f'mount --bind "$1" {BOOT_ID} && shift && exec "$@"'


def can_reboot() -> str | None:
    """The path of `unshare` when a machine can be given a boot id of its own here."""
    return shutil.which("unshare") if os.geteuid() == 0 else None


def booting(folder: Path) -> tuple[str, ...]:
    """What goes before a command line that is to see a boot id of its own, a new one with each call."""
    file = folder / "boot-id"
    file.write_text(f"{uuid.uuid4()}\n")
    return ("unshare", "--mount", "sh", "-c", _WITH_BOOT_ID, "boot", str(file))


def install(home: Path, name: str, script: str) -> Path:
    """Put a program into `bin` of a home; `script` is what /bin/sh runs."""
    file = home / "bin" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@define(eq=False)
class Machine:
    """One machine. `folder` holds its keys, settings and log; `home` is the home of the login."""

    id: str
    folder: Path
    sshd: str
    address: str
    data_address: str
    port: int
    environment: dict[str, str] = field(factory=dict)
    boots: bool = False
    _process: RealProcess | None = None
    _stack: contextlib.ExitStack = field(factory=contextlib.ExitStack)

    @property
    def home(self) -> Path:
        """Where what runs there begins."""
        return self.folder / "home"

    @property
    def host_key(self) -> str:
        """Kind and bytes of its host key."""
        return public_key(self.folder / "hostkey")

    @property
    def entry(self) -> str:
        """Its entry in an inventory, without braces."""
        return f"id: {self.id}, data_ip: {self.data_address}, control_ip: {self.address}, ssh_port: {self.port}"

    def install(self, name: str, script: str) -> Path:
        """Put a program on its PATH; `script` is what /bin/sh runs."""
        return install(self.home, name, script)

    @property
    def is_up(self) -> bool:
        """Whether it answers."""
        return self._process is not None

    def log(self) -> str:
        """What its sshd has said since it was started."""
        return "" if self._process is None else self._process.output()

    def start(self) -> None:
        """Boot: from now on it answers."""
        (self.home / "bin").mkdir(parents=True, exist_ok=True)
        prefix = booting(self.folder) if self.boots else ()
        program = self._stack.enter_context(
            run_sshd(self.folder, self.sshd, self.address, self.port, prefix=prefix, more=self._settings())
        )
        self._process = program

    def _settings(self) -> Sequence[str]:
        path = f"{self.home}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        variables = {"HOME": str(self.home), "PATH": path, **self.environment}
        words = " ".join(f'"{name}={value}"' for name, value in variables.items())
        command = 'cd && exec sh -c "$SSH_ORIGINAL_COMMAND"'
        return (f"ListenAddress {self.data_address}", "LogLevel VERBOSE", f"SetEnv {words}", f"ForceCommand {command}")

    def cut_off(self) -> None:
        """End its sshd and every connection; what runs there hears that its connection has ended."""
        self._end(lambda pid: _program(pid) == "sshd")

    def crash(self) -> None:
        """End everything that runs there, as a loss of power does."""
        self._end(lambda _: True)

    def _end(self, wanted: Callable[[int], bool]) -> None:
        below = [] if self._process is None else descendants(self._process.pid)
        victims = [pid for pid in {*below, *residents(self.home)} if wanted(pid)]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._stack.close()
        self._process = None
        wait_until(lambda: not any(map(is_alive, victims)), f"what ran on {self.id} to be gone")


def descendants(pid: int) -> list[int]:
    """A process, its children, their children and so on, parents first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def residents(home: Path) -> list[int]:
    """What lives in this home, also what has left its session, as a service does."""
    own, found = f"HOME={home}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if own in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _program(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


@define(eq=False)
class Room:
    """Some machines that trust one client key, and each other's logins. `known_hosts` pins their host keys."""

    folder: Path
    machines: dict[str, Machine]

    @property
    def identity(self) -> Path:
        """The private key that opens them."""
        return self.folder / "client"

    @property
    def known_hosts(self) -> Path:
        """Their host keys, by their control addresses."""
        return self.folder / "known_hosts"

    def inventory(self, more: str = "") -> str:
        """The inventory of them all; `more` are further keys of each."""
        return "nodes:\n" + "".join(f"  - {{{machine.entry}{more}}}\n" for machine in self.machines.values())


@contextlib.contextmanager
def running_machines(
    folder: Path, sshd: str, count: int, *, boots: bool = False, environment: dict[str, str] | None = None
) -> Iterator[Room]:
    """Machines m1, m2, … on 127.0.0.21 and so on, data on 127.0.1.21 and so on; ended with all that runs there."""
    prepare(folder)
    port = find_free_port()
    room = Room(folder, {})
    with contextlib.ExitStack() as stack:
        for number in range(1, count + 1):
            own = folder / f"m{number}"
            own.mkdir()
            prepare(own)
            shutil.copy(folder / "authorized_keys", own / "authorized_keys")
            machine = Machine(
                f"m{number}", own, sshd, f"127.0.0.{20 + number}", f"127.0.1.{20 + number}", port,
                dict(environment or {}), boots,
            )  # fmt: skip
            machine.start()
            stack.callback(machine.crash)
            machine.install("python3", f'exec {sys.base_prefix}/bin/python3 "$@"')
            room.machines[machine.id] = machine
        lines = [f"[{one.address}]:{one.port} {one.host_key}\n" for one in room.machines.values()]
        room.known_hosts.write_text("".join(lines))
        yield room
