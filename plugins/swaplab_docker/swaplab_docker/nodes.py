"""Images of other machines, through the command line of the engine there. What is run is built and read here; pure."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Collection, Iterator, Sequence

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import LOCAL, Command, Node, NodeId
from swaplab_docker.facts import Image
from swaplab_docker.wire import NONE

LIST = Command(("docker", "images", "--no-trunc", "--digests", "--format", "{{json .}}"))

_SIZE = re.compile(r"([\d.]+)\s*([kKMGT]?)i?B")
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_HERE = frozenset({"", "local", "localhost"})


def pull(reference: str) -> Command:
    """Pull an image."""
    return Command(("docker", "pull", "--", reference))


def remove(image: str, *, force: bool) -> Command:
    """Remove an image."""
    return Command(("docker", "rmi", *(("-f",) if force else ()), "--", image))


def read_listing(text: str) -> tuple[Image, ...]:
    """Read `docker images`, a JSON object a line. Raises InvalidRequest at a line that is none."""
    images: dict[str, Image] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        raw = _object(line)
        image_id = str(raw.get("ID") or "")
        before = images.get(image_id, Image(image_id, size=size(str(raw.get("Size") or ""))))
        references = (*before.references, *_names(raw, "Tag", ":"))
        digests = (*before.digests, *_names(raw, "Digest", "@"))
        images[image_id] = Image(
            image_id, tuple(dict.fromkeys(references)), tuple(dict.fromkeys(digests)), before.size, before.created
        )
    return tuple(images.values())


def size(text: str) -> int:
    """Read `4.2GB`."""
    match = _SIZE.fullmatch(text.strip())
    return int(float(match[1]) * _UNITS[match[2]]) if match else 0


def node_of(written: str, nodes: Sequence[Node], local_addresses: Collection[str]) -> Node:
    """The machine that a request names by id, title or address. Raises InvalidRequest when there is none."""
    here = next(node for node in nodes if node.id == LOCAL)
    wanted = written.strip()
    if wanted in _HERE or _address(wanted) in local_addresses:
        return here
    found = next((node for node in nodes if node.is_called(wanted)), None)
    if found is None:
        known = ", ".join(node.id or "local" for node in nodes)
        raise InvalidRequest(f"no node is called {wanted!r}", advice=f"there are: {known}")
    return found


def name_of(node: NodeId) -> str:
    """How this machine is called where others have an id."""
    return node or "local"


def _object(line: str) -> dict[str, object]:
    try:
        raw = json.loads(line)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise InvalidRequest(f"a line of `docker images` is not what it should be: {line[:80]!r}")
    return raw


def _names(raw: dict[str, object], key: str, mark: str) -> Iterator[str]:
    repository, value = str(raw.get("Repository") or NONE), str(raw.get(key) or NONE)
    if NONE not in (repository, value):
        yield f"{repository}{mark}{value}"


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
