"""Real machines for tests: one sshd each on addresses of the loopback network, with keys of their own.

Each is started for a test session in a folder that it never leaves, and ended by its pid.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess  # noqa: TID251 - the test kit drives processes from outside
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from swaplab_cluster.sessions import SshReach
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.real_process import RealProcess, running_process

ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


def find_sshd() -> str | None:
    """The path of sshd, which must be called by its whole path."""
    return shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@frozen
class SshdNodes:
    """Machines that listen. All have one port and one host key; the client's key lets in whoever runs the tests."""

    folder: Path
    port: int
    processes: dict[str, RealProcess]

    @property
    def identity(self) -> Path:
        """The private key that opens them."""
        return self.folder / "client"

    @property
    def known_hosts(self) -> Path:
        """Their host keys."""
        return self.folder / "known_hosts"

    def reach(self, address: str) -> SshReach:
        """How to get there."""
        return SshReach(
            address, address, self.port, getpass.getuser(), self.known_hosts, str(self.identity), connect_seconds=5.0
        )


@contextlib.contextmanager
def running_sshd(folder: Path, program: str, addresses: tuple[str, ...] = ADDRESSES) -> Iterator[SshdNodes]:
    """Run one sshd per address inside the block."""
    prepare(folder)
    port = find_free_port()
    lines = [f"[{address}]:{port} {public_key(folder / 'hostkey')}\n" for address in addresses]
    (folder / "known_hosts").write_text("".join(lines))
    with contextlib.ExitStack() as stack:
        running = {address: stack.enter_context(run_sshd(folder, program, address, port)) for address in addresses}
        yield SshdNodes(folder, port, running)


def prepare(folder: Path) -> None:
    """Make the keys in this folder, and what sshd needs beside them."""
    for name in ("hostkey", "client"):
        make_key(folder / name)
    (folder / "authorized_keys").write_bytes((folder / "client.pub").read_bytes())
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # its privilege separation wants it


def public_key(path: Path) -> str:
    """Kind and bytes of a key, as known_hosts has them."""
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def make_key(path: Path) -> None:
    """Make a key pair without a passphrase."""
    path.unlink(missing_ok=True)
    subprocess.run(  # noqa: S603 - fixed words
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)],  # noqa: S607 - from PATH
        check=True,
    )


@contextlib.contextmanager
def run_sshd(
    folder: Path, program: str, address: str, port: int, *, prefix: Sequence[str] = (), more: Sequence[str] = ()
) -> Iterator[RealProcess]:
    """Run one sshd inside the block; `prefix` goes before its command line, `more` are lines of its settings."""
    settings = "\n".join(more)
    config = folder / f"sshd-{address}.conf"
    config.write_text(f"""\
ListenAddress {address}
Port {port}
HostKey {folder}/hostkey
PidFile {folder}/sshd-{address}.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
UseDNS no
MaxStartups 100:30:200
Subsystem sftp internal-sftp
{settings}
""")
    argv: tuple[str | Path, ...] = (*prefix, program, "-D", "-e", "-f", config)
    with running_process(argv, folder / f"sshd-{address}.log") as process:
        process.wait_for_output(r"Server listening on")
        yield process
