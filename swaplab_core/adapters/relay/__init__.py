"""The data path: moves one request to an upstream and its response back, byte for byte, as it comes.

Hop-by-hop headers end here; everything else passes. Nothing is parsed or kept on the way, and chunks travel together
only while an upstream sends many at once. A response that breaks off never looks complete: an event stream gets a last
error event, and the client's connection is cut.

| module | |
|---|---|
| `relay` | what handlers call: the one story of a request, whichever way it takes |
| `direct` | the short way: own connections, chunks from socket to socket |
| `connection` | one of those, on a parser in C · `pool`: those to one upstream · `request`: what goes out on them |
| `pace` | whether an upstream sends so fast that chunks travel together |
| `known` | heads that need not be parsed again · `plain`: chunks that need no parser |
| `fallback` | the long way, on aiohttp's client: TLS, websockets |
| `headers` · `telling` | what passes, and what is told when something goes wrong |
| `interface` | what these say to each other |
"""

from __future__ import annotations

from swaplab_core.adapters.relay.connection import UpstreamConnection
from swaplab_core.adapters.relay.direct import Way, open_connection
from swaplab_core.adapters.relay.headers import is_events, request_headers, unwanted_in_answers
from swaplab_core.adapters.relay.interface import NO_TAP, Body, Call, Tap
from swaplab_core.adapters.relay.known import MOST_HEAD_BYTES, KnownHead, Mould, RawHeaders, split_head
from swaplab_core.adapters.relay.relay import Relay
from swaplab_core.adapters.relay.request import head_bytes
from swaplab_core.adapters.relay.telling import did_not_answer, died_in_the_middle

__all__ = [
    "MOST_HEAD_BYTES",
    "NO_TAP",
    "Body",
    "Call",
    "KnownHead",
    "Mould",
    "RawHeaders",
    "Relay",
    "Tap",
    "UpstreamConnection",
    "Way",
    "did_not_answer",
    "died_in_the_middle",
    "head_bytes",
    "is_events",
    "open_connection",
    "request_headers",
    "split_head",
    "unwanted_in_answers",
]
