"""Which headers pass: those of one connection end here, and what a client says to us is not always for the upstream."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from swaplab_core.adapters.destination import Destination, hidden_headers
from swaplab_core.domain.access import SESSION_COOKIE, without_sessions

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_ANSWERED_HERE = frozenset({"expect"})
_SAID_HERE = frozenset(
    f"access-control-{name}"
    for name in ("allow-origin", "allow-credentials", "allow-methods", "allow-headers", "expose-headers", "max-age")
)
"""Which pages may read an answer is for this server to say: engines name every origin."""
_UNPACKED_HERE = frozenset({"gzip", "deflate", "br", "zstd"})
"""Compressions of a request body that our server undoes as it reads."""
_FORWARDED = frozenset({"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-real-ip"})


def request_headers(request: web.Request, destination: Destination, *, replaced_body: bool) -> CIMultiDict[str]:
    """What the upstream is sent; without a Content-Length when the body is not the client's own bytes."""
    headers = end_to_end(request.headers, destination.drop | _ANSWERED_HERE | hidden_headers(request))
    if SESSION_COOKIE in headers.get("Cookie", ""):
        _leave_out_sessions(headers)
    is_unpacked = headers.get("Content-Encoding", "").lower() in _UNPACKED_HERE
    if is_unpacked:
        headers.popall("Content-Encoding")
    if replaced_body or is_unpacked:
        headers.pop("Content-Length", None)
    if destination.is_ours:
        if request.remote:
            headers["X-Forwarded-For"] = ", ".join([*headers.getall("X-Forwarded-For", []), request.remote])
    else:
        headers.pop("Host", None)
        for name in _FORWARDED:
            headers.popall(name, None)
    headers.update(destination.set)
    return headers


def answer_headers(headers: MultiMapping[str]) -> CIMultiDict[str]:
    """What the client is sent of an upstream's headers."""
    return end_to_end(headers, _SAID_HERE)


_UNWANTED = frozenset(name.encode() for name in _HOP_BY_HOP | _SAID_HERE)


def unwanted_in_answers(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[bytes]:
    """The names, lower case, that `answer_headers` would leave out."""
    named = [value for name, value in headers if name.lower() == b"connection"]
    return (
        _UNWANTED.union(name.strip().lower() for value in named for name in value.split(b",")) if named else _UNWANTED
    )


def _leave_out_sessions(headers: CIMultiDict[str]) -> None:
    """The sessions of our own pages are no upstream's business."""
    kept = without_sessions("; ".join(headers.popall("Cookie")))
    if kept:
        headers["Cookie"] = kept


def end_to_end(headers: MultiMapping[str], drop: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    """Without the headers that belong to one connection, those named by `Connection` among them."""
    named = {name.strip().lower() for line in headers.getall("Connection", []) for name in line.split(",")}
    unwanted = _HOP_BY_HOP | named | drop
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in unwanted)


def is_events(content_type: str) -> bool:
    """Whether the answer is a stream of events."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"
