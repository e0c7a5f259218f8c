"""One line in the proxy's log for each request, when it has ended, and for what is no request."""

from __future__ import annotations

import logging
import time

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from attrs import frozen

from swaplab_core.runtime.proxy_log import ProxyLog

_log = logging.getLogger("swaplab.access")

SECRET_QUERIES = ("/login",)
_LINE = '%s "%s %s HTTP/1.1" %s %s "%s" %.0fms'
SKIPPED = ("/health", "/wol-health", "/api/performance", "/metrics", "/ui/assets/")


@web.middleware
async def access_log_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log client, request line, status, size, user agent and duration; not of polling, nor of parts of pages."""
    if request.path.startswith(SKIPPED) or not _log.isEnabledFor(logging.INFO):
        return await handler(request)
    began = time.monotonic()
    status: int | str = "cancelled"
    size: int | str = "-"  # of a stream nobody knows it before its end
    try:
        response = await handler(request)
        status = response.status
        if response.content_length is not None:
            size = response.content_length
        return response
    except web.HTTPException as answer:
        status = answer.status
        raise
    finally:
        _log.info(
            '%s "%s %s HTTP/%d.%d" %s %s "%s" %.0fms',
            client_address(request),
            request.method,
            request.path if request.path in SECRET_QUERIES else request.path_qs,
            *request.version,
            status,
            size,
            request.headers.get("User-Agent", "-"),
            (time.monotonic() - began) * 1000,
        )


@frozen
class Asked:
    """Who asked for what, as a line tells it."""

    client: str
    method: str
    target: str
    agent: str


@frozen
class AccessLog:
    """The same lines for the express lane, written a moment later, many at once."""

    log: ProxyLog

    def note(self, asked: Asked, status: int, size: int | None, seconds: float) -> None:
        """A request has ended, `seconds` after it came; `status` 0: nobody was answered."""
        if _log.isEnabledFor(logging.INFO):
            self.log.soon(time.time(), _line, asked, status, size, seconds)


def _line(asked: Asked, status: int, size: int | None, seconds: float) -> str:
    told = status or "cancelled", "-" if size is None else size
    return _LINE % (asked.client, asked.method, asked.target, *told, asked.agent, seconds * 1000)


class _OneLine(logging.Filter):
    """Of bytes that are no HTTP one line is told: everybody can send them, and no mistake of ours is to be found."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.msg, record.args = f"{record.getMessage()}: {' '.join(error.message.split())!r}", None
            record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
        return True


def protocol_logger() -> logging.Logger:
    """Where aiohttp tells of broken connections and handlers."""
    logger = logging.getLogger("swaplab.http")
    if not logger.filters:
        logger.addFilter(_OneLine())
    return logger


def client_address(request: web.BaseRequest) -> str:
    """Who asks: the first of X-Forwarded-For, X-Real-IP, else the peer of the connection."""
    forwarded = request.headers.get("X-Forwarded-For", "").partition(",")[0].strip()
    return forwarded or request.headers.get("X-Real-IP", "").strip() or request.remote or "-"
