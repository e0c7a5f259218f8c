"""Errors of the control plane's older routes: their clients read a text in `error`, newer ones the rest.

A group of routes asks for this shape by `error_shape = staticmethod(ops_error)`.

`{"error": "text", "code", "title", "status", "detail", "advice", "problems"}`: RFC 9457 and the compatible key in one
body. What is wrong with the request is 400 there, as it always was; what is not the client's fault keeps its status.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web

from swaplab_core.domain.errors import (
    ClientError,
    ConfigError,
    NotThere,
    SwaplabError,
    TooLarge,
    TooManyRequests,
    UnknownModel,
)
from swaplab_core.server.errors import error_details, status_of

_KEPT = (TooLarge, TooManyRequests)


def ops_error(_: web.BaseRequest, error: SwaplabError) -> web.Response:
    """Make the response of an error."""
    return ops_response(error, _status(error))


def ops_response(error: SwaplabError, status: HTTPStatus, **more: Any) -> web.Response:
    """Make a response with a status of one's own; `more` are further keys."""
    body: dict[str, Any] = {
        "error": str(error),
        "code": error.code,
        "title": status.phrase,
        "status": int(status),
        "detail": error.message,
        "advice": error.advice,
    }
    return web.Response(
        status=status, body=orjson.dumps({**body, **error_details(error), **more}), content_type="application/json"
    )


def _status(error: SwaplabError) -> HTTPStatus:
    if isinstance(error, _KEPT):
        return status_of(error)
    if isinstance(error, ClientError) and status_of(error) in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}:
        return status_of(error)
    if isinstance(error, ClientError | ConfigError | NotThere | UnknownModel):
        return HTTPStatus.BAD_REQUEST
    return status_of(error)
