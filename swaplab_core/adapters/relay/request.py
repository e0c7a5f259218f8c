"""A request's head in bytes."""

from __future__ import annotations

import re

from swaplab_core.adapters.relay.interface import Call
from swaplab_core.domain.errors import InvalidRequest

_UNFIT_FOR_A_TARGET = re.compile(r"[\x00-\x20\x7f]")
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def head_bytes(call: Call, prefix: str, host: str) -> bytes:
    """Everything up to the body, below `prefix`; `host` is for a request that names none.

    Raises InvalidRequest rather than send what an upstream would take for more than one request.
    """
    target = prefix + call.path
    if _UNFIT_FOR_A_TARGET.search(target):
        raise InvalidRequest("the path holds a space or a control character", advice="write it percent-encoded")
    lines = [f"{call.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in call.headers.items())]
    if "Host" not in call.headers:
        lines.append(f"Host: {host}")
    if "Content-Length" not in call.headers:
        if call.content is not None:
            lines.append("Transfer-Encoding: chunked")
        elif call.method not in _BODILESS:
            lines.append("Content-Length: 0")
    text = "\r\n".join([*lines, "", ""])
    if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1 or "\0" in text:
        raise InvalidRequest("a header holds a line break")
    return text.encode("utf-8", "surrogateescape")
