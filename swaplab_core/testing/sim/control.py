"""Reaching into the engine: vLLM's sleep, the test's own doors under /sim/, and a websocket that echoes."""

from __future__ import annotations

import os

from aiohttp import WSMsgType, web

from swaplab_core.testing.sim.http import bad_request, engine_of, error_reply, json_body, reply
from swaplab_core.testing.sim.request_log import describe

BLOCK = b"\0" * 65536


async def fall_asleep(request: web.Request) -> web.Response:
    """vLLM's `POST /sleep?level=`."""
    level = request.query.get("level", "1")
    if level not in {"0", "1", "2"}:
        raise bad_request(f"level {level!r} is not 0, 1 or 2")
    if not await engine_of(request).residency.fall_asleep(int(level)):
        return error_reply(500, "the engine could not fall asleep, as it was told")
    return reply({"status": "sleeping", "level": int(level)})


async def wake_up(request: web.Request) -> web.Response:
    """vLLM's `POST /wake_up`, in parts with `?tags=weights`, `?tags=kv_cache`."""
    residency = engine_of(request).residency
    tags = request.query.getall("tags", [])
    if not await residency.wake(frozenset(tags)):
        return error_reply(500, "the engine could not wake up, as it was told")
    return reply({"status": "sleeping" if residency.is_asleep else "awake", "tags": tags or None})


async def is_sleeping(request: web.Request) -> web.Response:
    """vLLM's `GET /is_sleeping`."""
    return reply({"is_sleeping": engine_of(request).residency.is_asleep})


async def state(request: web.Request) -> web.Response:
    """Everything worth knowing about the process."""
    engine = engine_of(request)
    return reply(
        {
            "pid": os.getpid(),
            "model": engine.options.model,
            "is_loaded": engine.loaded.is_set(),
            "is_asleep": engine.residency.is_asleep,
            "running": engine.meter.running,
            "waiting": engine.meter.waiting,
            "totals": dict(engine.meter.totals),
        }
    )


async def footprint(request: web.Request) -> web.Response:
    """The memory it claims, and what it really holds."""
    residency = engine_of(request).residency
    return reply({"footprint_mib": residency.footprint_mib, "allocated_mib": residency.allocated_mib})


async def requests(request: web.Request) -> web.Response:
    """What was received lately, oldest first."""
    return reply(engine_of(request).requests.entries())


async def forget_requests(request: web.Request) -> web.Response:
    """Begin anew."""
    engine_of(request).requests.clear()
    return reply([])


async def echo(request: web.Request) -> web.Response:
    """This very request."""
    return reply(describe(request, await request.read()))


async def status(request: web.Request) -> web.Response:
    """The status that the path names, with an error body from 400 on; `?retry_after=` becomes a header."""
    number = int(request.match_info["status"])
    if number >= 400:
        response = error_reply(number, f"status {number}, as asked for")
    else:
        response = reply({"status": number}, number)
    if "retry_after" in request.query:
        response.headers["Retry-After"] = request.query["retry_after"]
    return response


async def send_bytes(request: web.Request) -> web.StreamResponse:
    """As many bytes as the path names, chunked."""
    left = int(request.match_info["count"])
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    await response.prepare(request)
    while left > 0:
        await response.write(BLOCK[:left])
        left -= len(BLOCK)
    return response


async def leave(request: web.Request) -> web.Response:
    """Crash: end the process at once, with the exit code that the body names (`{"code": 1}`)."""
    code = (await json_body(request)).get("code", 1)
    engine_of(request).leave(int(code))
    return error_reply(500, "still here")


async def websocket(request: web.Request) -> web.WebSocketResponse:
    """Echo texts and bytes until the client closes."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket
