from __future__ import annotations

import pytest

from swaplab_cluster.dgx import UpdateRequest, preview, targets, update_request
from swaplab_cluster.inventory import Inventory, InventoryNode
from swaplab_core.domain.errors import InvalidRequest


def node(name: str, executor: str = "ssh") -> InventoryNode:
    return InventoryNode(
        id=name, data_ip=f"{name}.example", control_ip="192.0.2.9", proxy_ip="192.0.2.9", executor=executor
    )


INVENTORY = Inventory((node("head", "local"), node("w1"), node("w2")))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"targets": []},
        {"targets": None},
        {"targets": "w1"},
        {"targets": [""]},
        {"targets": ["w1", 7]},
        {"targets": {}},
    ],
)
def test_nothing_is_updated_without_being_named(body):
    with pytest.raises(InvalidRequest):
        update_request({}, body)


def test_a_chunked_body_is_refused():
    with pytest.raises(InvalidRequest, match="not chunked"):
        update_request({"Transfer-Encoding": "chunked"}, {"targets": ["w1"]})


def test_who_is_not_enrolled_is_refused_and_named():
    with pytest.raises(InvalidRequest, match=r"not in the inventory: w9, 10\.0\.0\.1") as caught:
        targets(UpdateRequest(("w1", "w9", "10.0.0.1")), INVENTORY)
    assert "w2" in caught.value.advice
    with pytest.raises(InvalidRequest):
        targets(UpdateRequest(("w1",)), None)


def test_the_controller_is_left_out_unless_it_is_asked_for_and_then_it_is_last():
    with pytest.raises(InvalidRequest, match="head is the machine that swaplab itself runs on"):
        targets(UpdateRequest(("head", "w1")), INVENTORY)
    asked = update_request({}, {"targets": ["head", "w2", "w2.example"], "includeController": True})
    assert [one.id for one in targets(asked, INVENTORY)] == ["w2", "head"]


def test_the_preview_names_what_would_be_unloaded():
    assert preview(INVENTORY.nodes[1:2], {"w1": ["qwen"]}) == [{"node": "w1", "ip": "w1.example", "unloads": ["qwen"]}]
