"""`cluster-inventory.yaml`: text → inventory or problems with their lines, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches

from attrs import define, field, frozen

from swaplab_cluster.inventory import (
    DEFAULT_AGENT_PORT,
    DEFAULT_SSH_PORT,
    EXECUTORS,
    VERSION,
    Gang,
    Inventory,
    InventoryNode,
    Rdma,
    in_order,
    is_address,
    is_id,
    is_interface,
    is_pin,
    is_root,
    is_user,
)
from swaplab_cluster.yaml_text import Entries, Items, Text, Value, read
from swaplab_core.domain.problem import Problem, Severity

TRUE, FALSE = frozenset({"true", "1", "yes", "on", "t"}), frozenset({"false", "0", "no", "off", "f", ""})

_TOP = ("version", "rdma", "agent", "nodes", "gangs")
_RDMA = ("required", "eth_if", "ib_if")
_NODE = (
    "id",
    "head",
    "title",
    "data_ip",
    "control_ip",
    "proxy_ip",
    "executor",
    "ssh_user",
    "ssh_port",
    "agent_port",
    "agent_pin",
    "root",
    "labels",
)


@frozen
class Read:
    """What a file holds: `inventory` is None when there is an error among the problems."""

    inventory: Inventory | None
    problems: tuple[Problem, ...] = ()


def parse(text: str, file: str = "cluster-inventory.yaml") -> Read:
    """Read an inventory; all problems at once, each with its line. Never raises."""
    root = read(text)
    reader = _Reader(file)
    if isinstance(root, Problem):
        reader.say(root.message, root.advice, line=root.line)
        return Read(None, tuple(reader.problems))
    inventory = _inventory(reader, root)
    problems = tuple(sorted(reader.problems, key=lambda problem: problem.line))
    failed = any(problem.severity is Severity.ERROR for problem in problems)
    return Read(None if failed else inventory, problems)


def render(inventory: Inventory) -> str:
    """Write a file that reads as this inventory."""
    return "\n".join(_lines(inventory)) + "\n"


def is_true(text: str) -> bool | None:
    """Read a yes or no; None when it is neither."""
    word = text.strip().lower()
    return True if word in TRUE else False if word in FALSE else None


def _lines(inventory: Inventory) -> Iterator[str]:
    yield f"version: {VERSION}"
    if inventory.rdma != Rdma():
        rdma = inventory.rdma
        yield "rdma:"
        yield f"  required: {_yes(rdma.required)}"
        yield f"  eth_if: {json.dumps(rdma.eth_if)}"
        yield f"  ib_if: {json.dumps(','.join(rdma.ib_if))}"
    yield "agent:"
    yield f"  default_port: {inventory.agent_port}"
    yield "nodes:"
    for node in inventory.nodes:
        yield from node_lines(node)
    if inventory.gangs:
        yield "gangs:"
    for gang in inventory.gangs:
        yield f"  - id: {json.dumps(gang.id)}"
        yield "    nodes:"
        yield from (f"      - {json.dumps(node)}" for node in gang.nodes)


def node_lines(node: InventoryNode) -> Iterator[str]:
    """The lines of one entry."""
    yield f"  - id: {json.dumps(node.id)}"
    if node.head:
        yield "    head: true"
    for key in ("data_ip", "control_ip", "proxy_ip"):
        yield f"    {key}: {json.dumps(getattr(node, key))}"
    for key in ("title", "executor", "ssh_user", "agent_pin", "root"):
        if getattr(node, key):
            yield f"    {key}: {json.dumps(getattr(node, key), ensure_ascii=False)}"
    if node.ssh_port != DEFAULT_SSH_PORT:
        yield f"    ssh_port: {node.ssh_port}"
    if node.agent_port:
        yield f"    agent_port: {node.agent_port}"
    if node.labels:
        yield "    labels:"
        pairs = ((json.dumps(key), json.dumps(value)) for key, value in sorted(node.labels.items()))
        yield from (f"      {key}: {value}" for key, value in pairs)


def _yes(value: bool) -> str:
    return "true" if value else "false"


@define
class _Reader:
    """Takes values out of mappings and notes what is wrong with them."""

    file: str
    problems: list[Problem] = field(factory=list)

    def say(self, message: str, advice: str = "", *, line: int = 0, path: str = "") -> None:
        self.problems.append(Problem(message, advice, path, line, file=self.file))

    def known(self, entries: Entries, keys: Sequence[str], path: str) -> None:
        """Warn of keys that nobody reads."""
        for key, line in entries.lines.items():
            if key not in keys and not key.startswith("x-"):
                near = get_close_matches(key, keys, 1)
                advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(keys)}"
                where = f"{path}.{key}".lstrip(".")
                message = f"unknown key {key!r} is ignored"
                self.problems.append(Problem(message, advice, where, line, file=self.file, severity=Severity.WARNING))

    def mapping(self, value: Value | None, path: str) -> Entries:
        """An empty one when there is none."""
        match value:
            case None | Text(value=""):
                return Entries()
            case Entries():
                return value
            case _:
                self.say("must be a mapping", "write keys below it, indented", line=value.line, path=path)
                return Entries()

    def items(self, value: Value | None, path: str) -> Sequence[Value]:
        match value:
            case None | Text(value=""):
                return ()
            case Items():
                return value.values
            case _:
                self.say("must be a list", "write one `- …` for each", line=value.line, path=path)
                return ()

    def text(
        self, entries: Entries, key: str, path: str, fits: Callable[[str], bool] | None = None, what: str = ""
    ) -> str:
        """A text that fits, "" when it is missing or does not."""
        value = entries.values.get(key)
        where = f"{path}.{key}".lstrip(".")
        if value is None:
            return ""
        if not isinstance(value, Text):
            self.say("must be text", line=value.line, path=where)
            return ""
        written = value.value.strip()
        if written and fits is not None and not fits(written):
            self.say(f"{written!r} is no {what}", line=value.line, path=where)
            return ""
        return written

    def needed(self, entries: Entries, key: str, path: str, fits: Callable[[str], bool], what: str) -> str:
        before = len(self.problems)
        text = self.text(entries, key, path, fits, what)
        if not text and len(self.problems) == before:
            self.say(f"{key} is missing", f"add `{key}:`, the {what}", line=entries.line, path=path)
        return text

    def number(self, entries: Entries, key: str, path: str, default: int) -> int:
        text = self.text(entries, key, path, _is_port, "port, a number from 1 to 65535")
        return int(text) if text else default

    def truth(self, entries: Entries, key: str, path: str) -> bool:
        text = self.text(entries, key, path, lambda word: is_true(word) is not None, "yes or no: write true or false")
        return bool(is_true(text))

    def words(self, entries: Entries, key: str, path: str, fits: Callable[[str], bool], what: str) -> tuple[str, ...]:
        """A list, or text with commas."""
        value = entries.values.get(key)
        where = f"{path}.{key}".lstrip(".")
        parts = value.values if isinstance(value, Items) else (value,)
        found: list[str] = []
        for part in parts:
            if isinstance(part, Text):
                found += [word.strip() for word in part.value.split(",") if word.strip()]
            elif part is not None:
                self.say("must be a list of names", line=part.line, path=where)
        for word in found:
            if not fits(word):
                self.say(f"{word!r} is no {what}", line=value.line if value else 0, path=where)
        return tuple(found)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535


def _inventory(reader: _Reader, root: Entries) -> Inventory:
    reader.known(root, _TOP, "")
    version = reader.text(root, "version", "") or str(VERSION)
    if version != str(VERSION):
        line = root.lines["version"]
        reader.say(f"version {version} is not known", f"this reads version {VERSION}", line=line, path="version")
    rdma = reader.mapping(root.values.get("rdma"), "rdma")
    reader.known(rdma, _RDMA, "rdma")
    agent = reader.mapping(root.values.get("agent"), "agent")
    reader.known(agent, ("default_port",), "agent")
    nodes = [
        _node(reader, value, f"nodes[{at}]") for at, value in enumerate(reader.items(root.values.get("nodes"), "nodes"))
    ]
    placed = [pair for pair in nodes if pair is not None]
    if not nodes:
        reader.say(
            "there is no node", "add one below `nodes:`, with id, data_ip and control_ip", line=root.line, path="nodes"
        )
    _unique(reader, placed)
    gangs = [
        _gang(reader, value, f"gangs[{at}]", placed)
        for at, value in enumerate(reader.items(root.values.get("gangs"), "gangs"))
    ]
    return Inventory(
        in_order(node for node, _ in placed),
        tuple(gang for gang in gangs if gang is not None),
        Rdma(
            reader.truth(rdma, "required", "rdma"),
            reader.text(rdma, "eth_if", "rdma", is_interface, "name of an interface"),
            reader.words(rdma, "ib_if", "rdma", is_interface, "name of an RDMA device"),
        ),
        reader.number(agent, "default_port", "agent", DEFAULT_AGENT_PORT),
    )


def _node(reader: _Reader, value: Value, path: str) -> tuple[InventoryNode, int] | None:
    if not isinstance(value, Entries):
        reader.say("must be a mapping", "write id, data_ip and control_ip", line=value.line, path=path)
        return None
    reader.known(value, _NODE, path)
    data_ip = reader.needed(value, "data_ip", path, is_address, "address of the node on the data network")
    control_ip = reader.needed(value, "control_ip", path, is_address, "address at which this host reaches the node")
    labels = reader.mapping(value.values.get("labels"), f"{path}.labels")
    node = InventoryNode(
        id=reader.text(value, "id", path, is_id, "id: letters, digits, '.', '_' and '-', a letter or digit first")
        or data_ip,
        head=reader.truth(value, "head", path),
        title=reader.text(value, "title", path),
        data_ip=data_ip,
        control_ip=control_ip,
        proxy_ip=reader.text(value, "proxy_ip", path, is_address, "address") or control_ip,
        executor=reader.text(value, "executor", path, EXECUTORS.__contains__, "executor: local, ssh or agent"),
        ssh_user=reader.text(value, "ssh_user", path, is_user, "login name"),
        ssh_port=reader.number(value, "ssh_port", path, DEFAULT_SSH_PORT),
        agent_port=reader.number(value, "agent_port", path, 0),
        agent_pin=reader.text(value, "agent_pin", path, is_pin, "sha256 of a certificate, 64 hex digits"),
        root=reader.text(value, "root", path, is_root, "folder: write an absolute path, or one that begins with ~/"),
        labels={key: reader.text(labels, key, f"{path}.labels") for key in labels.values},
    )
    return node, value.line


def _unique(reader: _Reader, nodes: Iterable[tuple[InventoryNode, int]]) -> None:
    for key in ("id", "data_ip"):
        seen: dict[str, int] = {}
        for node, line in nodes:
            value = getattr(node, key)
            if value and value in seen:
                reader.say(
                    f"{key} {value!r} is taken by the node in line {seen[value]}", "give each its own", line=line
                )
            seen.setdefault(value, line)


def _gang(reader: _Reader, value: Value, path: str, nodes: Sequence[tuple[InventoryNode, int]]) -> Gang | None:
    if not isinstance(value, Entries):
        reader.say("must be a mapping", "write id and nodes", line=value.line, path=path)
        return None
    reader.known(value, ("id", "nodes"), path)
    ids = {node.id for node, _ in nodes}
    name = reader.needed(value, "id", path, is_id, "name of the gang")
    members = reader.words(value, "nodes", path, ids.__contains__, "node of this inventory")
    if name in ids:
        reader.say(f"{name!r} is the id of a node", "give the gang a name of its own", line=value.line, path=path)
    if len(members) < 2 or len(set(members)) < len(members):
        reader.say(
            "a gang has two different nodes or more", "list their ids below `nodes:`", line=value.line, path=path
        )
    return Gang(name, members)
