from __future__ import annotations

import pytest

from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.inventory_edit import with_node, without_node
from swaplab_cluster.inventory_file import parse

MINE = """\
# my machines
version: 1   # of the format
nodes:
    # the quiet one
    - {id: a, data_ip: 192.0.2.1, control_ip: 192.0.2.1}   # by the window
    # the loud one
    - id: b
      data_ip: 192.0.2.2
      control_ip: 192.0.2.2

# who works together
gangs: []
"""
NEW = InventoryNode(id="c", data_ip="192.0.2.3", control_ip="c.example", proxy_ip="c.example", ssh_port=2222)


def test_a_node_is_added_and_every_other_line_stays():
    edited = with_node(MINE, NEW)
    assert [line for line in MINE.splitlines() if line not in edited.splitlines()] == []
    assert edited.index('- id: "c"') < edited.index("# who works together")
    inventory = parse(edited).inventory
    assert inventory is not None
    assert [node.id for node in inventory.nodes] == ["a", "b", "c"]
    assert inventory.find("c") == NEW


@pytest.mark.parametrize(("gone", "kept"), [("a", "the loud one"), ("b", "by the window")])
def test_a_node_is_removed_and_its_neighbours_stay(gone, kept):
    edited = without_node(MINE, gone)
    assert kept in edited
    assert "# who works together" in edited
    inventory = parse(edited).inventory
    assert inventory is not None
    assert gone not in {node.id for node in inventory.nodes}


def test_what_was_added_can_be_removed_again():
    assert without_node(with_node(MINE, NEW), "c") == MINE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nodes: [{id: a, data_ip: 192.0.2.1, control_ip: 192.0.2.1}]\n",
        "nodes:\n- {id: a, data_ip: 192.0.2.1, control_ip: 192.0.2.1}",
    ],
)
def test_other_ways_of_writing_come_to_the_same(text):
    inventory = parse(with_node(text, NEW)).inventory
    assert inventory is not None
    assert inventory.find("c") == NEW
