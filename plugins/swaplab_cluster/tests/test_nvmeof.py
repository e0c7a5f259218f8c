"""The NVMe-oF toolkit: shows what it would do, keeps what was there, and puts it back."""

from __future__ import annotations

import os
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from attrs import evolve

from swaplab_cluster import probe, views
from swaplab_cluster.diagnostics import remote_disks
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.node_status import Cluster, NodeStatus
from swaplab_cluster.testing_machines import can_reboot
from swaplab_core.plugin import Health
from swaplab_core.testing.require import require

KIT = Path(str(files("swaplab_cluster"))) / "data" / "nvmeof"
NQN = "nqn.2026-01.example:models"


def run(script: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    argv = ["sh", str(KIT / script), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **(env or {})}, check=False)


@pytest.mark.parametrize("script", sorted(path.name for path in KIT.glob("*.sh")))
def test_the_scripts_are_clean(shellcheck, script):
    shellcheck(f"data/nvmeof/{script}")


def test_a_connection_is_only_shown_unless_it_is_asked_for():
    done = run("nvmeof-initiator-canary.sh", "--traddr", "192.0.2.1", "--subsysnqn", NQN, "--disconnect-first")
    assert done.returncode == 0, done.stderr
    limits = "--keep-alive-tmo=300 --ctrl-loss-tmo=600 --reconnect-delay=10 --queue-size=128"
    assert done.stdout.splitlines() == [
        f"+ nvme disconnect --nqn={NQN}",
        "+ modprobe nvme-tcp",
        f"+ nvme connect --transport=tcp --traddr=192.0.2.1 --trsvcid=4420 --nqn={NQN} {limits}",
        "Nothing was changed. Add --apply to do it.",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--subsysnqn", NQN),
        ("--subsysnqn", NQN, "--traddr", "-x"),
        ("--subsysnqn", "a b", "--traddr", "192.0.2.1"),
        ("--subsysnqn", NQN, "--traddr", "192.0.2.1", "--queue-size", "many"),
        ("--subsysnqn", NQN, "--traddr", "192.0.2.1", "--transport", "fc"),
        ("--traddr",),
        ("--nonsense",),
    ],
)
def test_what_makes_no_sense_is_refused(arguments):
    done = run("nvmeof-initiator-canary.sh", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("nvmeof-initiator-canary: ")


@pytest.fixture
def proc(tmp_path):
    """A /proc/sys of our own."""
    for name, value in {
        "ipv4/tcp_keepalive_time": "7200",
        "ipv4/tcp_retries2": "15",
        "core/rmem_max": "212992",
    }.items():
        file = tmp_path / "sys" / "net" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value + "\n")
    return tmp_path / "sys"


def tune(proc: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("net-tune-canary.sh", *arguments, env={"NET_TUNE_PROC": str(proc), "NET_TUNE_IFACE": ""})


def values(proc: Path) -> list[str]:
    return [(proc / "net" / name).read_text().strip() for name in ("ipv4/tcp_keepalive_time", "core/rmem_max")]


def test_tuning_keeps_what_was_there_and_puts_it_back(proc, tmp_path):
    snapshot = tmp_path / "deep" / "before"
    shown = tune(proc)
    assert "net.core.rmem_max = 212992 (would be 16777216)" in shown.stdout
    assert values(proc) == ["7200", "212992"]
    applied = tune(proc, "--apply", "--snapshot-file", str(snapshot))
    assert applied.returncode == 0, applied.stderr
    assert values(proc) == ["120", "16777216"]
    assert "net.core.wmem_max is not there" in applied.stdout
    assert tune(proc, "--apply", "--snapshot-file", str(snapshot)).returncode == 2, "a snapshot is never overwritten"
    assert tune(proc, "--rollback", str(snapshot)).returncode == 0
    assert values(proc) == ["7200", "212992"]


@pytest.mark.parametrize("line", ["kernel.core_pattern=|/tmp/x", "net.core.rmem_max=1; id", "net/../kernel=1"])
def test_a_snapshot_with_something_else_in_it_is_refused(proc, tmp_path, line):
    (tmp_path / "forged").write_text(line + "\n")
    assert tune(proc, "--rollback", str(tmp_path / "forged")).returncode == 2
    assert values(proc) == ["7200", "212992"]


def test_installing_keeps_settings_that_are_there(tmp_path):
    kept = tmp_path / "etc" / "swaplab" / "net-tune.env"
    kept.parent.mkdir(parents=True)
    kept.write_text("NET_TUNE_MODE=debug\n")
    dry = run("install-nvmeof-canary-units.sh", env={"DESTDIR": str(tmp_path)})
    assert "Nothing was changed" in dry.stdout
    assert not (tmp_path / "usr").exists()
    assert run("install-nvmeof-canary-units.sh", "--apply", env={"DESTDIR": str(tmp_path)}).returncode == 0
    assert kept.read_text() == "NET_TUNE_MODE=debug\n"
    assert (tmp_path / "usr/local/sbin/net-tune-canary.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc/systemd/system/nvmeof-connect@.service").exists()


REMOTE = """@nvme nvme1|tcp|live|traddr=192.0.2.5,trsvcid=4420|nqn.2026-01.example:weights
@nvme nvme2|rdma|connecting|traddr=192.0.2.6,trsvcid=4420|nqn.2026-01.example:more"""


def looked_at() -> NodeStatus:
    node = InventoryNode(id="n1", data_ip="192.0.2.1", control_ip="192.0.2.1", proxy_ip="192.0.2.1")
    return NodeStatus(node, facts=probe.read(REMOTE, ["metrics"]), node_id="n1")


def test_a_disk_over_the_network_that_is_not_there_is_a_finding():
    well, lost = remote_disks([looked_at()])
    assert (well.health, lost.health) == (Health.OK, Health.ERROR)
    assert "n1: nvme2 (rdma, traddr=192.0.2.6,trsvcid=4420) is connecting" in lost.message
    assert lost.advice
    [nothing] = remote_disks([])
    assert nothing.health is Health.OK


def test_the_page_has_a_row_for_each_and_for_a_node_without():
    first, second = views.disks(Cluster([looked_at()]))["items"]
    assert (first["device"], first["state"]["state"], second["state"]["state"]) == ("nvme1", "ok", "err")
    bare = evolve(looked_at(), facts=probe.read("", ["metrics"]))
    [row] = views.disks(Cluster([bare]))["items"]
    assert row["state"] == {"state": "na", "text": "none"}


SYSFS = """set -e
mount -t tmpfs none /sys/class
mkdir -p /sys/class/nvme/nvme0 /sys/class/nvme/nvme1
echo pcie >/sys/class/nvme/nvme0/transport
cd /sys/class/nvme/nvme1
echo tcp >transport
echo live >state
echo traddr=192.0.2.5,trsvcid=4420 >address
echo nqn.2026-01.example:weights >subsysnqn
exec "$@"
"""


def test_the_probe_reads_them_off_the_kernel():
    program = require("namespaces", can_reboot(), "run as root, with util-linux")
    argv = [program, "--mount", "sh", "-c", SYSFS, "sysfs", *probe.argv(probe.script(), ["metrics"])]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    metrics = probe.read(done.stdout, ["metrics"]).metrics
    assert metrics is not None
    [disk] = metrics.disks
    assert (disk.device, disk.transport, disk.is_live) == ("nvme1", "tcp", True)
    assert disk.subsystem == "nqn.2026-01.example:weights"
