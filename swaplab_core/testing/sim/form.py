"""A multipart form, taken apart byte for byte. Pure."""

from __future__ import annotations

import re

from attrs import frozen


@frozen
class Part:
    """One part of a multipart form; `filename` is None for a plain field."""

    name: str
    filename: str | None
    content: bytes


def form_parts(body: bytes, content_type: str) -> list[Part]:
    """The parts in their order. Raises ValueError when it is no form."""
    boundary = re.search(r'multipart/form-data.*boundary="?([^";]+)', content_type)
    if not boundary:
        raise ValueError(f"multipart/form-data with a boundary expected, not {content_type!r}")
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, _, content = section.partition(b"\r\n\r\n")
    attributes = dict(re.findall(r'\b(name|filename)="([^"]*)"', head.decode(errors="replace")))
    return Part(attributes.get("name", ""), attributes.get("filename"), content)
