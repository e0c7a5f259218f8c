"""This very swaplab as wheels, made of what is installed here: a node gets what its control host runs.

Only swaplab's own distributions, which are pure Python; what they need comes from the node's own package index. Reads
files and blocks; writes none.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from importlib.resources import files
from importlib.resources.abc import Traversable

from attrs import frozen

OURS: Mapping[str, str] = {"swaplab-core": "swaplab_core", "swaplab-cluster": "swaplab_cluster"}
"""Package by distribution, in the order in which they are needed."""
_METADATA = ("METADATA", "WHEEL", "entry_points.txt")
_LEFT_OUT = frozenset({"__pycache__", "ui_dist", "py.typed"})
"""An agent shows no pages."""


@frozen
class Wheel:
    """A file that pip installs."""

    name: str
    content: bytes


def own_wheels() -> tuple[Wheel, ...]:
    """The wheels of this swaplab, whether it was installed or is run from its sources."""
    return tuple(_wheel(distribution(name), package) for name, package in OURS.items())


def _wheel(installed: Distribution, package: str) -> Wheel:
    stem = f"{package}-{installed.version}"
    content = dict(_walk(files(package), package))
    for name in _METADATA:
        if text := installed.read_text(name):
            content[f"{stem}.dist-info/{name}"] = text.encode()
    record = f"{stem}.dist-info/RECORD"
    lines = [f"{path},sha256={_hash(data)},{len(data)}" for path, data in content.items()]
    content[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    return Wheel(f"{stem}-py3-none-any.whl", _zipped(content))


def _walk(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.name in _LEFT_OUT:
            continue
        inner = f"{path}/{entry.name}"
        if entry.is_dir():
            yield from _walk(entry, inner)
        else:
            yield inner, entry.read_bytes()


def _hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def _zipped(content: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in content.items():
            archive.writestr(path, data)
    return buffer.getvalue()
