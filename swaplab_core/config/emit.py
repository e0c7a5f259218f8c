"""Document → YAML in block style, with the comments of the file it came from."""

from __future__ import annotations

import json
import re

from attrs import Factory, define

from swaplab_core.config.document import ListNode, MapNode, Node, Scalar
from swaplab_core.config.outline import Layout

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./@+~-]*")


def emit(root: MapNode, layout: Layout) -> str:
    """Write the document; top-level entries in the order in which they stand in the file."""
    writer = _Writer(dict(layout.own_lines), dict(layout.behind))
    ordered = sorted(root, key=lambda key: root.key_place(key).line)
    writer.mapping(MapNode({key: root[key] for key in ordered}, root.place, root.keys_at), "")
    writer.comments_before(None, "")
    return "\n".join(writer.lines).strip("\n") + "\n"


def emit_entry(head: str, node: Node, indent: str) -> list[str]:
    """Write one value behind `head`, a key with its colon or a dash, both indented by `indent`."""
    writer = _Writer({}, {})
    writer.value(head, node, indent, 0)
    return writer.lines


def emit_item(node: Node, indent: str) -> list[str]:
    """Write one list item, its dash indented by `indent`."""
    writer = _Writer({}, {})
    writer.item(node, indent)
    return writer.lines


def emit_key(text: str) -> str:
    """Write a key, in quotes where it needs them."""
    return _key(text)


def emit_scalar(node: Scalar) -> str:
    """Write a scalar on one line."""
    return _inline(node)


@define
class _Writer:
    """Lines written so far, and the comments that still wait for their place."""

    own_lines: dict[int, str]
    behind: dict[int, str]
    lines: list[str] = Factory(list)

    def mapping(self, node: MapNode, indent: str) -> None:
        for key, child in node.items():
            line = node.key_place(key).line
            self.comments_before(line, indent)
            self.value(f"{indent}{_key(key)}:", child, indent, line)

    def value(self, head: str, node: Node, indent: str, line: int) -> None:
        """Write what stands behind `head`, a key or a dash."""
        match node:
            case Scalar() if _is_block(node):
                chomping = "" if node.text.endswith("\n") else "-"
                self.line(f"{head} |{chomping}", line)
                self.lines.extend(f"{indent}  {part}".rstrip(" ") for part in node.text.removesuffix("\n").split("\n"))
            case Scalar():
                self.line(f"{head} {_inline(node)}".rstrip(), line)
            case MapNode() if node:
                self.line(head, line)
                self.mapping(node, indent + "  ")
            case ListNode() if node:
                self.line(head, line)
                for item in node:
                    self.item(item, indent + "  ")
            case _:
                self.line(f"{head} {'{}' if isinstance(node, MapNode) else '[]'}", line)

    def item(self, node: Node, indent: str) -> None:
        """Write a list item; the first line of a mapping goes behind the dash."""
        self.comments_before(node.place.line, indent)
        if not isinstance(node, MapNode) or not node:
            self.value(f"{indent}-", node, indent, node.place.line)
            return
        start = len(self.lines)
        self.mapping(node, indent + "  ")
        self.lines[start] = f"{indent}- {self.lines[start].lstrip(' ')}"

    def line(self, text: str, number: int) -> None:
        comment = self.behind.pop(number, "")
        self.lines.append(f"{text}  {comment}" if comment else text)

    def comments_before(self, line: int | None, indent: str) -> None:
        """Write the comments that stand above `line` in the file, all that are left when it is None."""
        for number in sorted(self.own_lines.keys() | self.behind.keys()):
            if line is None or number < line:
                comment = self.own_lines.pop(number, "") or self.behind.pop(number, "")
                self.lines.append(f"{indent}{comment}".rstrip())


def _key(text: str) -> str:
    return text if _PLAIN_KEY.fullmatch(text) else _quoted(text)


def _inline(node: Scalar) -> str:
    is_text = isinstance(node.value, str)
    return node.text if "\n" not in node.text and (node.plain or not is_text) else _quoted(node.text)


def _is_block(node: Scalar) -> bool:
    """Can it be written as a literal block? It must not begin with a space or an empty line, nor end with several."""
    lines = node.text.split("\n")
    is_printable = all(line.replace("\t", "").isprintable() for line in lines)
    return (
        len(lines) > 1
        and is_printable
        and not node.text.startswith((" ", "\t", "\n"))
        and lines[-2:] != ["", ""]
        and not any(line.endswith(" ") for line in lines)
    )


def _quoted(text: str) -> str:
    """Write double quotes; what cannot be printed becomes an escape."""
    return "".join(
        character if character.isprintable() else f"\\U{ord(character):08x}"
        for character in json.dumps(text, ensure_ascii=False)
    )
