"""Small things every handler needs: the engine, the decoded body, errors in the field's own shape."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from swaplab_core.testing.sim.dialects import Json
from swaplab_core.testing.sim.engine import SimEngine

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ENGINE = web.AppKey("engine", SimEngine)

SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}


def engine_of(request: web.Request) -> SimEngine:
    """The engine that answers this request."""
    return request.app[ENGINE]


async def json_body(request: web.Request) -> Json:
    """The JSON object in the body, empty for an empty body. Raises HTTPBadRequest when it is none."""
    raw = await request.read()
    try:
        body = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise bad_request("the body is not a JSON object")
    return body


def bad_request(message: str) -> web.HTTPBadRequest:
    """Raise this when the request is wrong."""
    return web.HTTPBadRequest(
        text=_error(400, message, "invalid_request_error").decode(), content_type="application/json"
    )


def reply(value: object, status: int = 200) -> web.Response:
    """Answer JSON."""
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def error_reply(status: int, message: str, kind: str = "server_error") -> web.Response:
    """Answer an error as llama-server and OpenAI write it."""
    return web.Response(body=_error(status, message, kind), status=status, content_type="application/json")


def _error(status: int, message: str, kind: str) -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "code": status}})


def duration_seconds(text: str) -> float:
    """Read `250ms`, `2s`, `1m` or plain seconds. Raises HTTPBadRequest."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|)", text)
    if not match:
        raise bad_request(f"{text!r} is not a duration; write 250ms or 1.5s")
    return float(match[1]) * SECONDS_PER_UNIT[match[2]]
