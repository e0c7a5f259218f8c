"""Identifiers: one NewType each, so that they cannot be mixed up.

A model id is the key of an entry of `models:`, any non-empty text as the person wrote it (`org/name:Q4` is fine).
A ticket number is given by the dispatcher to each request, an incarnation by the engine to each start of a model.
Both only ever grow within one run of the daemon.
"""

from __future__ import annotations

from typing import NewType

ModelId = NewType("ModelId", str)
TicketId = NewType("TicketId", int)
Incarnation = NewType("Incarnation", int)
