"""Questions that cost nothing: health, models, properties, metrics, and what is left of the field's test servers."""

from __future__ import annotations

import asyncio
import os
import time

from aiohttp import web

import swaplab_core
from swaplab_core.testing.sim.http import duration_seconds, engine_of, error_reply, reply
from swaplab_core.testing.sim.metrics import exposition
from swaplab_core.testing.sim.options import MetricsStyle

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


async def health(request: web.Request) -> web.Response:
    """200 when loaded, 503 while loading, or whatever the options say."""
    engine = engine_of(request)
    options = engine.options
    if options.hang_on_health:
        await hang(request)
    await asyncio.sleep(options.slow_health)
    if options.health_status is not None:
        return reply({"status": "as told"}, options.health_status)
    if not engine.loaded.is_set():
        return error_reply(503, "Loading model", "unavailable_error")
    return reply({"status": "ok"})


async def hang(_request: web.Request) -> web.StreamResponse:
    """Never answer; ends when the client goes."""
    forever: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    return await forever


async def ping(_request: web.Request) -> web.Response:
    """Alive."""
    return web.Response()


async def models(request: web.Request) -> web.Response:
    """The one model, with what llama.cpp and vLLM say about its context."""
    options = engine_of(request).options
    model = {
        "id": options.model,
        "object": "model",
        "created": int(time.time()),
        "owned_by": "swaplab-sim",
        "root": options.model,
        "max_model_len": options.context,
        "meta": {"n_ctx": options.context, "n_ctx_train": options.context},
    }
    return reply({"object": "list", "data": [model]})


async def props(request: web.Request) -> web.Response:
    """llama.cpp's properties."""
    options = engine_of(request).options
    return reply(
        {
            "default_generation_settings": {"n_ctx": options.context},
            "total_slots": options.slots or 1,
            "model_alias": options.model,
            "model_path": f"/models/{options.model}.gguf",
            "chat_template": "",
            "modalities": {"vision": False, "audio": False},
        }
    )


async def slots(request: web.Request) -> web.Response:
    """llama.cpp's slots; the first ones are the busy ones."""
    engine = engine_of(request)
    count = engine.options.slots or max(1, engine.meter.running)
    return reply(
        [
            {"id": number, "n_ctx": engine.options.context, "is_processing": number < engine.meter.running}
            for number in range(count)
        ]
    )


async def version(_request: web.Request) -> web.Response:
    """vLLM's version, with our number."""
    return reply({"version": swaplab_core.__version__})


async def load(request: web.Request) -> web.Response:
    """vLLM's count of requests in the server."""
    meter = engine_of(request).meter
    return reply({"server_load": meter.running + meter.waiting})


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text."""
    engine = engine_of(request)
    options = engine.options
    text = exposition(options.metrics_style, engine.meter, options.model, engine.residency.level)
    format_version = "0.0.4" if options.metrics_style is MetricsStyle.LLAMACPP else "1.0.0"
    headers = {"Content-Type": f"text/plain; version={format_version}; charset=utf-8"}
    return web.Response(body=text.encode(), headers=headers)


async def root(request: web.Request) -> web.Response:
    """Method and path, as text."""
    return web.Response(text=f"{request.method} {request.path}")


async def test(request: web.Request) -> web.Response:
    """The configured text, and nothing else."""
    return web.Response(text=engine_of(request).options.say)


async def environment(request: web.Request) -> web.Response:
    """Our environment variables, to loopback only."""
    if engine_of(request).options.host not in LOOPBACK_HOSTS:
        return error_reply(403, "the environment is shown on a loopback address only", "permission_error")
    return reply(dict(os.environ))


async def slow_respond(request: web.Request) -> web.StreamResponse:
    """Send `?echo=` a character every `?delay=` (100ms), each at once."""
    delay = duration_seconds(request.query.get("delay", "100ms"))
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    for character in request.query.get("echo", engine_of(request).options.say):
        await response.write(character.encode())
        await asyncio.sleep(delay)
    return response
