"""Revisions of the configuration file: what was written, by whom and why."""

from __future__ import annotations

from attrs import frozen


@frozen
class Revision:
    """One content of the file. `id` is the digest of the text, `time` unix seconds when it was written or noticed."""

    id: str
    time: float
    author: str
    reason: str
