"""What a client and the log are told when an upstream does not answer, or not to the end."""

from __future__ import annotations

import orjson
from aiohttp import web

from swaplab_core.adapters.destination import Destination
from swaplab_core.domain.errors import UpstreamDied, UpstreamTimeout


def did_not_answer(destination: Destination, reason: str) -> UpstreamDied:
    """No byte of an answer came."""
    return UpstreamDied(f"{destination.name} did not answer: {reason}")


def took_no_connection(destination: Destination) -> UpstreamTimeout:
    """Not even a connection."""
    return UpstreamTimeout(
        f"{destination.name} took no connection within {destination.connect_seconds:g} s",
        advice="the limit is its `timeouts.connect`",
    )


def took_too_long(destination: Destination) -> UpstreamTimeout:
    """A connection, but no head of an answer."""
    return UpstreamTimeout(
        f"{destination.name} did not begin its answer within {destination.response_header_seconds:g} s",
        advice="the limit is its `timeouts.responseHeader`",
    )


def error_event(message: str, code: str) -> bytes:
    """What a stream of events says instead of an error's status."""
    error = {"message": message, "type": "server_error", "param": None, "code": code}
    return b"event: error\ndata: " + orjson.dumps({"error": error}) + b"\n\n"


def died_in_the_middle(destination: Destination) -> bytes:
    """The last event of a stream that broke off; the one before it may be half an event."""
    return b"\n\n" + error_event(
        f"{destination.name} died in the middle of the response (its log may say why)", UpstreamDied.code
    )


def message_of(body: bytes) -> str:
    """What an error response says: the message in it if it has OpenAI's shape, else all of it."""
    try:
        return str(orjson.loads(body)["error"]["message"])
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return body.decode("utf-8", "replace").strip()


async def finish(response: web.StreamResponse, event: bytes) -> web.StreamResponse:
    """The client has been sent 200 already, so what went wrong travels as the last event."""
    await response.write(event)
    await response.write_eof()
    return response
