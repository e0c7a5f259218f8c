from __future__ import annotations

import pytest
from attrs import evolve

from swaplab_cluster.facts import Cpu, Disk, Gpu, Gpus, Memory, Metrics
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.node_status import NodeStatus, Reach
from swaplab_cluster.placement import choose, free_mib, need_mib, refusal

WELL = Reach(port_open=True, shell_ok=True)


def metrics(available: int, *gpus: int | None) -> Metrics:
    devices = tuple(Gpu(at, free_mib=free, total_mib=free) for at, free in enumerate(gpus))
    return Metrics(Cpu(), Memory(200_000, available), Disk(), Gpus(devices))


def node(name: str, measured: Metrics | None, reach: Reach = WELL) -> NodeStatus:
    entry = InventoryNode(id=name, data_ip=name, control_ip=name, proxy_ip=name)
    status = NodeStatus(entry, reach=reach, node_id=name)
    return evolve(status, facts=evolve(status.facts, metrics=measured))


def test_free_memory_is_that_of_the_emptiest_gpu_or_of_the_host_where_they_share_it():
    assert free_mib(metrics(90_000, 10_000, 70_000)) == 70_000
    assert free_mib(metrics(90_000, None)) == 90_000
    assert free_mib(metrics(90_000)) == 90_000
    assert free_mib(evolve(metrics(0), memory=Memory(error="x"))) is None
    assert free_mib(None) is None


@pytest.mark.parametrize(("value", "mib"), [(1, 1024), (0.5, 512), ("40", 0), (True, 0), (-1, 0), (None, 0)])
def test_what_a_model_takes_is_a_number_in_its_metadata(value, mib):
    assert need_mib({"memory_gib": value}) == mib


def test_the_roomiest_node_that_answers_and_takes_models_is_chosen():
    silent = node("silent", metrics(150_000), Reach(port_error="x"))
    drained = evolve(node("drained", metrics(150_000)), drained=True)
    nodes = [node("small", metrics(20_000)), node("large", metrics(90_000)), silent, drained, node("unknown", None)]
    placement = choose(nodes, 0)
    assert placement is not None
    assert placement.node == "large"
    assert "90000 MiB are free" in placement.reason
    assert choose(nodes, 90_001) is None


def test_a_model_that_says_what_it_takes_is_refused_where_there_is_less():
    found = refusal(node("small", metrics(20_000)), 30_000)
    assert found is not None
    assert "small has 20000 MiB free" in found.reason
    assert refusal(node("small", metrics(20_000)), 20_000) is None
    assert refusal(node("unknown", None), 30_000) is None
    assert refusal(None, 30_000) is None
