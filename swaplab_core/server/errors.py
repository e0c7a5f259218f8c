"""Errors on the wire: which status and shape an exception becomes. The only place that knows.

The shape is OpenAI's: `{"error": {"message", "type", "param", "code"}}`; `code` is the exception's, stable, kebab-case.
Who accepts text or HTML and no JSON gets the message as such.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from html import escape
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Protocol

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import MultiMapping

from swaplab_core.domain.errors import (
    ClientError,
    ConfigError,
    Conflict,
    Drained,
    InvalidForm,
    InvalidRequest,
    NodeError,
    NotThere,
    PluginError,
    ShuttingDown,
    Stale,
    SwaplabError,
    TooLarge,
    TooManyRequests,
    UnknownCapture,
    UnknownModel,
    Unloaded,
    UpstreamError,
    UpstreamTimeout,
)
from swaplab_core.domain.problem import Problem
from swaplab_core.routing.selectors import NoTarget
from swaplab_core.server.heads import OnlyHead
from swaplab_core.server.route import ROUTES
from swaplab_core.server.security.access import Forbidden, Unauthorized
from swaplab_core.server.security.browsers import ForeignPage, UnknownHost
from swaplab_core.server.security.gate import HeaderMissing

NO_DETAILS: Mapping[str, Any] = MappingProxyType({})

_log = logging.getLogger(__name__)

_STATUS: dict[type[SwaplabError], HTTPStatus] = {
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    InvalidForm: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotThere: HTTPStatus.NOT_FOUND,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    HeaderMissing: HTTPStatus.FORBIDDEN,
    ForeignPage: HTTPStatus.FORBIDDEN,
    UnknownHost: HTTPStatus.MISDIRECTED_REQUEST,
    UnknownModel: HTTPStatus.NOT_FOUND,
    UnknownCapture: HTTPStatus.NOT_FOUND,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Conflict: HTTPStatus.CONFLICT,
    Stale: HTTPStatus.PRECONDITION_FAILED,
    ConfigError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    ClientError: HTTPStatus.BAD_REQUEST,
    UpstreamTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    UpstreamError: HTTPStatus.BAD_GATEWAY,
    NodeError: HTTPStatus.BAD_GATEWAY,
    PluginError: HTTPStatus.BAD_GATEWAY,
    Unloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    Drained: HTTPStatus.SERVICE_UNAVAILABLE,
    NoTarget: HTTPStatus.SERVICE_UNAVAILABLE,
    ShuttingDown: HTTPStatus.SERVICE_UNAVAILABLE,
    SwaplabError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{message}</p></html>
"""

MOST_PATH = 200
"""Longer paths are compared with nothing."""
FOR_PROGRAMS = "/v/"
"""Spellings for programs that put a prefix of their own before paths; nobody types them."""

CLIENT_HAS_GONE = 499
"""What nginx calls it; never sent."""

_TYPES = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.FORBIDDEN: "authentication_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
_PLAIN_CODES = {
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "body-too-large",
}


def status_of(error: SwaplabError) -> HTTPStatus:
    """The status of the nearest class in the tree."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def error_body(message: str, status: HTTPStatus, code: str, details: Mapping[str, Any] = NO_DETAILS) -> bytes:
    """The JSON that OpenAI clients understand; `details` are more members of the error."""
    default = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    kind = _TYPES.get(status, default)
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": code, **details}})


class Asked(Protocol):
    """What is answered: of a request only its headers count."""

    @property
    def headers(self) -> MultiMapping[str]:
        """As they came."""
        ...


def error_response(request: Asked, error: SwaplabError) -> web.Response:
    """The whole answer; refusals that pass by themselves carry Retry-After."""
    status = status_of(error)
    headers = {}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = str(error.retry_after_seconds or 1)
    if status is HTTPStatus.UNAUTHORIZED and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
        headers["WWW-Authenticate"] = 'Basic realm="swaplab"'  # a browser asks, but not because a script of ours asked
    if error.queue_position is not None:
        headers["X-Swaplab-Queue-Position"] = str(error.queue_position)
    body = error_body(str(error), status, error.code, error_details(error))
    return _negotiated(request, str(error), status, headers, body)


def _negotiated(
    request: Asked,
    message: str,
    status: HTTPStatus,
    headers: dict[str, str],
    body: bytes,
) -> web.Response:
    """The JSON `body`, unless the client accepts something else and not that: axios accepts all, and wants JSON."""
    accept = request.headers.get("Accept", "").lower()
    if "application/json" not in accept and "text/plain" in accept:
        return web.Response(status=status, text=f"swaplab: {message}", headers=headers)
    if "application/json" not in accept and "text/html" in accept:
        page = _PAGE.format(title=f"{status.value} {escape(status.phrase)}", message=escape(message))
        headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        return web.Response(status=status, text=page, content_type="text/html", headers=headers)
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)


def error_details(error: SwaplabError) -> dict[str, Any]:
    """Where exactly something is wrong: fields of a form, lines of the configuration."""
    match error:
        case InvalidForm():
            return {"fields": [{"path": path, "message": message} for path, message in error.fields]}
        case ConfigError():
            places = {"line": error.problems[0].line, "col": error.problems[0].column} if error.problems else {}
            return {"problems": [problem_record(problem) for problem in error.problems], **places}
        case _:
            return {}


def problem_record(problem: Problem) -> dict[str, Any]:
    """A problem of the configuration as JSON; lines and columns count from 1, 0 is nowhere."""
    return {
        "severity": problem.severity.value,
        "message": problem.message,
        "advice": problem.advice,
        "path": problem.path,
        "file": problem.file,
        "line": problem.line,
        "col": problem.column,
    }


ErrorShape = Callable[[web.BaseRequest, SwaplabError], web.Response]
"""How an error is written."""


def _shape_for(request: web.Request, error: SwaplabError) -> ErrorShape:
    """The shape that the group of routes asks for by its `error_shape`; OpenAI's for all others, and for refusals."""
    group = getattr(request.match_info.handler, "__self__", None)
    is_refusal = status_of(error) in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    shape: ErrorShape = error_response if is_refusal else getattr(group, "error_shape", error_response)
    return shape


@web.middleware
async def error_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into one clear answer; the daemon lives on."""
    try:
        return await handler(request)
    except OnlyHead as head:
        return head.response
    except SwaplabError as error:
        return _shape_for(request, error)(request, error)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _plain_http_error(request, error)
    except ConnectionError:
        if request.transport is not None and not request.transport.is_closing():
            raise
        return web.Response(status=CLIENT_HAS_GONE)  # to nobody; an exception would be logged as a mistake of ours
    except Exception:  # noqa: BLE001 - a mistake of ours must not end the daemon, nor show its insides
        _log.exception("%s %s failed", request.method, request.path)
        return error_response(request, SwaplabError("swaplab made a mistake; its log has the details"))


def _plain_http_error(request: web.Request, error: web.HTTPException) -> web.Response:
    status = HTTPStatus(error.status)
    code = _PLAIN_CODES.get(status, status.phrase.lower().replace(" ", "-"))
    message = _plain_message(request, error, status)
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return _negotiated(request, message, status, allow, error_body(message, status, code))


def _plain_message(request: web.Request, error: web.HTTPException, status: HTTPStatus) -> str:
    match status:
        case HTTPStatus.NOT_FOUND:
            return f"nothing is served at {request.path}{_meant(request)}"
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = error.headers.get("Allow", "").replace(",", ", ")
            return f"{request.path} does not take {request.method} (it takes {allowed})"
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return "the body is larger than the server reads"
        case _:
            return error.reason


def _meant(request: web.Request) -> str:
    """What somebody may have meant who forgot `/v1`, wrote it twice, or mistyped a path."""
    known: set[str] = set()
    if len(request.path) <= MOST_PATH:
        known = {each.plain_path for each in request.app[ROUTES] if not each.plain_path.startswith(FOR_PROGRAMS)}
    wanted = "/v1/" + re.sub(r"^(/+v1)*/*", "", request.path)
    close = [wanted] if wanted in known else get_close_matches(request.path, known, n=1, cutoff=0.85)
    return f" (did you mean {close[0]}?)" if close else ""
