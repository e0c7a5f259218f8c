"""HEAD of a route that streams: the answer ends with its head, and the stream is never begun.

aiohttp leaves the body of a whole response out by itself, but writes a stream, and the client would take its first
bytes for the next answer.
"""

from __future__ import annotations

from aiohttp import web

from swaplab_core.domain.access import Policy
from swaplab_core.server.route import ROUTES

_WITHOUT_BODY = (web.Response, web.FileResponse, web.WebSocketResponse)


class OnlyHead(Exception):
    """The head is all that was asked for."""

    def __init__(self, streamed: web.StreamResponse) -> None:
        super().__init__()
        self.response = web.Response(status=streamed.status, headers=streamed.headers)


async def stop_at_head(request: web.Request, response: web.StreamResponse) -> None:
    """Leave the handler of a stream of our own; what comes from an engine has no body to begin with. A signal."""
    if request.method != "HEAD" or isinstance(response, _WITHOUT_BODY):
        return
    endpoint = request.app[ROUTES].find(request)
    if endpoint is not None and endpoint.policy is not Policy.INFER:
        raise OnlyHead(response)
