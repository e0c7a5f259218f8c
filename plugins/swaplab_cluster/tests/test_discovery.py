from __future__ import annotations

import asyncio
import subprocess

import pytest

from swaplab_cluster.discovery import addresses, read, scan, script_argv
from swaplab_core.domain.errors import InvalidRequest

AUTODISCOVER = """\
detect_interfaces() { echo "Detected ETH_IF: eth0"; ETH_IF=eth0; IB_IF=mlx5_0,mlx5_1; }
detect_local_ip() { LOCAL_IP=192.0.2.1; CIDR=192.0.2.0/24; }
detect_nodes() { NODES_ARG=192.0.2.2,192.0.2.3,192.0.2.2; return 3; }
"""


def test_a_script_is_asked_and_its_answers_are_read(tmp_path):
    script = tmp_path / "auto discover.sh"
    script.write_text(AUTODISCOVER)
    done = subprocess.run(script_argv(str(script)), capture_output=True, text=True, check=False)
    found = read(done.stdout)
    assert found.nodes == ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert (found.local_ip, found.cidr, found.eth_if, found.ib_if) == (
        "192.0.2.1",
        "192.0.2.0/24",
        "eth0",
        "mlx5_0,mlx5_1",
    )
    assert found.errors == ("detect_nodes failed (exit 3)",)


def test_lines_that_are_none_of_ours_are_passed_over():
    assert read("noise\n__KV__\n__KV__LOCAL_IP\nLOCAL_IP=1\n").nodes == ()


def test_a_network_is_bounded():
    assert addresses("192.0.2.7/30") == ("192.0.2.5", "192.0.2.6")
    assert addresses("192.0.2.1") == ("192.0.2.1",)
    for wrong in ("10.0.0.0/16", "nonsense", "192.0.2.0/99", "-x"):
        with pytest.raises(InvalidRequest):
            addresses(wrong)


def test_a_scan_finds_those_that_listen():
    async def scenario() -> tuple[str, ...]:
        async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.7", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await scan(addresses("127.0.0.0/28"), port)

    assert asyncio.run(scenario()) == ("127.0.0.7",)
