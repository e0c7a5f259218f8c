"""Who may call a route. Every route states one of these; checking it is the server's business."""

from __future__ import annotations

import enum


class Policy(enum.Enum):
    """What a caller must be allowed to do.

    OPEN: nothing, no key is asked for. INFER: use a model. READ: see state and history. OPERATE: load, unload, cancel,
    switch. ADMIN: whatever changes configuration, runs a command or deletes.
    """

    OPEN = "open"
    INFER = "infer"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"
