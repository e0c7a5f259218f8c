"""The express lane: plain inference requests for a model that is ready pass here, without aiohttp's server around them.

A connection begins at the `FrontDoor`. It looks at each request; what is not plain, or not known, or not to be served
at once, goes the long way: to aiohttp, its middlewares and handlers, as if this package did not exist. Nothing is ever
refused here, and nobody is let in: a request passes only if one with the very same head, from the same address, was let
in on the long way in the last two seconds (`Lane`). So each rule about who may do what stands in one place.

| module | |
|---|---|
| `front` | one client's connection: plain or not, here or the long way |
| `heads` | what a plain head is |
| `lane` | who was let in lately, and what was learned of them; whether a model may be used at once |
| `passage` | one request on its way, and the answer on its way back |
| `answer` | an answer's head in bytes |
"""

from __future__ import annotations

from swaplab_core.server.express.front import FrontDoor, FrontRunner, note_let_in
from swaplab_core.server.express.lane import Lane

__all__ = ["FrontDoor", "FrontRunner", "Lane", "note_let_in"]
