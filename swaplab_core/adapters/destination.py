"""Where a relay sends a request, and what it must not take along."""

from __future__ import annotations

from aiohttp import web
from attrs import frozen

from swaplab_core.config.schema import Peer, Timeouts
from swaplab_core.domain.ids import ModelId

MOST_IDLE_SECONDS = 2.0
"""For engines on this machine, where a new connection costs nothing: many lend an idle one a thread of theirs."""
_CREDENTIALS = frozenset({"authorization", "x-api-key", "api-key", "cookie"})
_NOTHING: frozenset[str] = frozenset()
_HIDDEN = web.RequestKey("HIDDEN", frozenset[str])


def hide_credentials(request: web.Request) -> None:
    """Let no upstream see the credentials of this request: they open more than inference."""
    request[_HIDDEN] = _CREDENTIALS


def hidden_headers(request: web.Request) -> frozenset[str]:
    """The headers of a request that its upstream must not see, lower case."""
    hidden: frozenset[str] = request.get(_HIDDEN, _NOTHING)
    return hidden


@frozen
class Destination:
    """One upstream or peer as the relay sees it.

    `name` is for messages. `is_ours` upstreams see the client's Host and address; a peer sees neither. `drop` and `set`
    are headers, lower case in `drop`. A `response_header_seconds` of 0 is no limit, an `idle_seconds` of 0 neither.
    """

    name: str
    base_url: str
    is_ours: bool = True
    drop: frozenset[str] = frozenset()
    set: tuple[tuple[str, str], ...] = ()
    connect_seconds: float = 30.0
    response_header_seconds: float = 0.0
    idle_seconds: float = 90.0


def upstream_destination(model: ModelId, base_url: str, timeouts: Timeouts) -> Destination:
    """Where requests for a model of ours go."""
    return Destination(
        model,
        base_url,
        connect_seconds=timeouts.connect_seconds,
        response_header_seconds=timeouts.response_header_seconds,
        idle_seconds=min(timeouts.idle_conn_seconds or MOST_IDLE_SECONDS, MOST_IDLE_SECONDS),
    )


def peer_destination(peer_id: str, peer: Peer, *, keys_are_ours: bool) -> Destination:
    """Where requests for a peer's model go.

    The peer gets its own key. Without one it gets what the client sent, unless clients authenticate to us
    (`keys_are_ours`): a key of ours is nobody else's business.
    """
    key = (("Authorization", f"Bearer {peer.api_key}"), ("x-api-key", peer.api_key)) if peer.api_key else ()
    return Destination(
        f"peer {peer_id}",
        peer.proxy.rstrip("/"),
        is_ours=False,
        drop=_CREDENTIALS if keys_are_ours or peer.api_key else frozenset(),
        set=key,
        connect_seconds=peer.timeouts.connect_seconds,
        response_header_seconds=peer.timeouts.response_header_seconds,
        idle_seconds=peer.timeouts.idle_conn_seconds,
    )
