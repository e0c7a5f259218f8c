"""Revisions on the wire: entity tags, `If-Match`, and the answer to whoever was too slow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from swaplab_core.domain.errors import SwaplabError
from swaplab_core.server.errors import error_body, status_of


def entity_tag(revision: str) -> dict[str, str]:
    """The header that names a revision; nothing without one."""
    return {"ETag": f'"{revision}"'} if revision else {}


def if_match(request: web.Request) -> str | None:
    """The revision that a change is based on; None when the client does not care."""
    given = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    return None if given in {"", "*"} else given


def stale_response(error: SwaplabError, current: Mapping[str, Any]) -> web.Response:
    """412, with what there is now beside the error."""
    status = status_of(error)
    body = orjson.loads(error_body(str(error), status, error.code)) | {"current": dict(current)}
    return web.Response(
        status=status,
        body=orjson.dumps(body),
        content_type="application/json",
        headers=entity_tag(str(current.get("revision", ""))),
    )
