from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swaplab_cluster import probe
from swaplab_cluster.facts import DgxUpdate, Gpu
from swaplab_cluster.inventory import Rdma
from swaplab_cluster.status import rdma_state

SPARK = """\
banner of a talkative login shell
@probe 1
@host spark1
@boot 7875e348
@uptime 1091.20
@mem MemTotal:       125829120 kB
@mem MemAvailable:   104857600 kB
@mem SwapTotal:      2048 kB
@mem SwapFree:       1024 kB
@cpu cpu  1000 0 0 1000 0 0 0 0 0 0
@cpu cpu  1030 0 0 1070 0 0 0 0 0 0
@load 0.50 0.40 0.30 1/100 42
@disk /dev/nvme0n1p2    1000000 400000   600000      40% /
@gpu 0, NVIDIA GB10, 17, [N/A], [N/A], [N/A], 54, 11.25
@rdma rocep1s0f1|1|4: ACTIVE|5: LinkUp|200 Gb/sec (4X HDR)|Ethernet|enp1s0f1np1
@rdma rocep1s0f0|1|1: DOWN|3: Disabled|40 Gb/sec (4X QDR)|Ethernet|enp1s0f0np0
@net enp1s0f1np1|up|200000
@net lo|unknown|
@dgx GetUpdatesAvailable|0|b true
@dgx IsUpdateRebootRunning|0|b false
@dgx StatusUpgrade|0|is 40 "Unpacking linux"
@dgx StatusUpdateCache|0|is 100 "done"
@path 0|1|65024|/dev/nvme0n1p2|ext4|/|pcie:eui.1|2048|/home/you/.cache/huggingface/hub
@path 1|1|50|nas:/models|nfs4|/models|:|4096|/models/hub
@path 2|0||||||
@path 3|1|66|/dev/nvme1n1|ext4|/mnt/fast|rdma:uuid.77|1|/mnt/fast/hub
@elapsed 1000000000 1250000000
"""
PATHS = ("~/.cache/huggingface/hub", "/models/hub", "/nope", "/mnt/fast/hub")


def test_a_spark_is_read_completely():
    facts = probe.read(SPARK, probe.SECTIONS, PATHS)
    assert facts.metrics is not None
    metrics = facts.metrics
    assert (facts.host, facts.uptime_seconds, facts.probe_ms) == ("spark1", 1091.2, 250.0)
    assert (metrics.cpu.usage_percent, metrics.cpu.load1) == (30, 0.5)
    assert (metrics.memory.total_mib, metrics.memory.available_mib, metrics.memory.swap_used_mib) == (122880, 102400, 1)
    assert (metrics.disk.total_mib, metrics.disk.free_mib) == (976, 585)
    assert metrics.gpus.devices == (Gpu(0, "NVIDIA GB10", 17, temperature=54, power_watts=11.25),)
    assert metrics.gpus.quality == "util_only"
    assert [port.is_up for port in metrics.rdma] == [True, False]
    assert metrics.links[0].speed_mbit == 200_000
    assert facts.dgx == DgxUpdate(True, True, False, 40, "Unpacking linux", 100, "done")


def test_only_storage_that_is_one_has_an_identity():
    facts = probe.read(SPARK, ["storage"], PATHS)
    assert facts.paths is not None
    assert [path.identity for path in facts.paths] == ["", "nfs4:nas:/models/hub", "", "nvme:uuid.77/hub"]
    assert [path.exists for path in facts.paths] == [True, True, False, True]
    assert [path.size_kib for path in facts.paths] == [2048, 4096, None, 1]


@pytest.mark.parametrize(
    ("gpu", "quality", "error"),
    [
        ("@gpu 0, A100, 5, 81920, 1, 81919, 30, 60", "full", ""),
        ("@gpu 0, X, [N/A], [N/A], [N/A], [N/A]", "count_only", ""),
        ("@gpunone nvidia-smi is not installed", "none", ""),
        ("@gpuerror No devices were found", "none", ""),
        ("@gpuerror NVIDIA-SMI has failed", "none", "NVIDIA-SMI has failed"),
    ],
)
def test_gpus_are_as_good_as_what_the_driver_says(gpu, quality, error):
    metrics = probe.read(gpu, ["metrics"]).metrics
    assert metrics is not None
    assert (metrics.gpus.quality, metrics.gpus.error) == (quality, error)


@pytest.mark.parametrize(
    "answer",
    [
        "127|timeout: failed to run command 'sudo': No such file or directory",
        "1|sudo: a password is required",
        "1|sudo: unknown user: dgx-dashboard-service-user",
        "1|Call failed: The name com.nvidia.dgx.dashboard.admin1 was not provided by any .service files",
        "124|",
    ],
)
def test_a_machine_without_the_service_is_no_dgx_and_that_is_no_error(answer):
    assert probe.read(f"@dgx GetUpdatesAvailable|{answer}", ["dgx"]).dgx == DgxUpdate()


def test_a_dgx_in_trouble_says_so():
    dgx = probe.read("@dgx GetUpdatesAvailable|1|Call failed: Input/output error", ["dgx"]).dgx
    assert dgx == DgxUpdate(error="Call failed: Input/output error")


def test_rdma_is_held_against_the_inventory():
    metrics = probe.read(SPARK, ["metrics"]).metrics
    assert metrics is not None
    assert rdma_state(metrics, Rdma(True, "enp1s0f1np1", ("rocep1s0f1",)))["ok"]
    broken = rdma_state(metrics, Rdma(True, "enp9", ("rocep1s0f0", "mlx5_9")))
    assert broken["errors"] == ["rocep1s0f0 is not active", "mlx5_9 is not active", "enp9 is not up"]


def test_the_script_tells_about_the_machine_it_runs_on(tmp_path):
    (tmp_path / "a file").write_bytes(b"x" * 5000)
    paths = (str(tmp_path), "~/", "/nowhere/at all", "-n")
    argv = probe.argv(probe.script(), ["storage", "metrics"], paths)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    facts = probe.read(done.stdout, ["storage", "metrics"], paths)
    assert done.stderr == ""
    assert facts.metrics is not None
    assert facts.paths is not None
    assert facts.metrics.memory.total_mib > 0
    assert facts.metrics.cpu.usage_percent is not None
    assert facts.metrics.disk.total_mib > 0
    assert [path.exists for path in facts.paths] == [True, True, False, False]
    assert (facts.paths[0].size_kib or 0) >= 5
    assert facts.paths[0].real == str(tmp_path)


def test_the_script_is_clean(shellcheck):
    shellcheck("data/probe.sh")


def test_a_probing_command_is_recognised_and_nothing_else_is():
    text = probe.script()
    assert probe.asked(probe.argv(text, ["dgx", "metrics"], ("/a", "-b")), text) == (("metrics", "dgx"), ("/a", "-b"))
    assert probe.asked(("sh", "-c", text + " ", "swaplab-probe", "metrics"), text) is None
    assert probe.asked(("sh", "-c", "id", "swaplab-probe", "metrics"), text) is None


@settings(max_examples=200)
@given(
    st.text(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                *SPARK.splitlines(),
                "@gpu x",
                "@mem MemTotal: x kB",
                "@path 9|1",
                "@cpu cpu 1 2 3 4 5",
                "@rdma",
                "@dgx",
                "@gpu 99999999999999999999, a, b, c, d, e",
            ]
        )
    ).map("\n".join)
)
def test_whatever_it_prints_reading_it_never_raises(text):
    probe.read(text, probe.SECTIONS, PATHS)
