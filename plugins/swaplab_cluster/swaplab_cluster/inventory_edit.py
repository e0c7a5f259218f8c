"""Edits of an inventory that leave a person's lines as they are: comments, order and style stay. Pure.

An edit is held against what it must mean; one that would mean something else is not made, and the file is written anew.
"""

from __future__ import annotations

from attrs import evolve

from swaplab_cluster.inventory import Inventory, InventoryNode, in_order
from swaplab_cluster.inventory_file import node_lines, parse, render
from swaplab_cluster.yaml_text import Entries, Items, read


def with_node(text: str, node: InventoryNode) -> str:
    """The text with one more node."""
    before = _inventory(text)
    wanted = evolve(before, nodes=in_order((*before.nodes, node)))
    lines = text.splitlines(keepends=True)
    place = _places(text, lines)
    if place is not None:
        starts, end, indent = place
        new = [f"{' ' * indent}{line.removeprefix('  ')}\n" for line in node_lines(node)]
        if end and not lines[end - 1].endswith("\n"):
            lines[end - 1] += "\n"
        edited = "".join([*lines[:end], *new, *lines[end:]])
        if starts and parse(edited).inventory == wanted:
            return edited
    return render(wanted)


def without_node(text: str, node: str) -> str:
    """The text with one node less."""
    before = _inventory(text)
    wanted = evolve(before, nodes=tuple(one for one in before.nodes if one.id != node))
    lines = text.splitlines(keepends=True)
    place = _places(text, lines)
    if place is not None:
        starts, end, _ = place
        for first, last in zip(starts, (*starts[1:], end), strict=True):
            edited = "".join([*lines[:first], *lines[_trimmed(lines, first, last) :]])
            if parse(edited).inventory == wanted:
                return edited
    return render(wanted)


def _inventory(text: str) -> Inventory:
    return parse(text).inventory or Inventory()


def _places(text: str, lines: list[str]) -> tuple[tuple[int, ...], int, int] | None:
    """The lines on which nodes begin, the one after the last of them, and the indent; None when that is not plain."""
    root = read(text)
    nodes = root.values.get("nodes") if isinstance(root, Entries) else None
    if not isinstance(nodes, Items) or not nodes.values:
        return None
    starts = tuple(value.line - 1 for value in nodes.values)
    indent = len(lines[starts[0]]) - len(lines[starts[0]].lstrip())
    if not all(lines[start][indent:].startswith("- ") for start in starts):
        return None
    end = starts[-1] + 1
    while end < len(lines) and _is_inside(lines[end], indent):
        end += 1
    return starts, _trimmed(lines, starts[-1], end), indent


def _is_inside(line: str, indent: int) -> bool:
    text = line.strip()
    return not text or text.startswith("#") or len(line) - len(line.lstrip()) > indent


def _trimmed(lines: list[str], first: int, last: int) -> int:
    """Where the entry ends: comments and blank lines behind it belong to what follows."""
    while last > first + 1 and (not lines[last - 1].strip() or lines[last - 1].lstrip().startswith("#")):
        last -= 1
    return last
