"""The routes of a simulated engine. Every request is remembered, and its key checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from aiohttp import web

from swaplab_core.testing.sim import control, media, probes, vectors
from swaplab_core.testing.sim.dialects import Chat, Completion, Infill, Messages, NativeCompletion, Responses
from swaplab_core.testing.sim.engine import SimEngine
from swaplab_core.testing.sim.http import ENGINE, Handler, engine_of, error_reply
from swaplab_core.testing.sim.inference import answers_in, inference

LARGEST_BODY_BYTES = 1024**3

OPEN_PATHS = frozenset({"/health", "/v1/health", "/ping", "/models", "/v1/models"})
"""What llama-server answers without a key. /sim/ is open too: it is the test's own door."""

NOT_REMEMBERED = frozenset({"/health", "/v1/health", "/sim/requests"})


def application(engine: SimEngine) -> web.Application:
    """Make the web application of one engine."""
    app = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=[_remember, _check_key])
    app[ENGINE] = engine
    app.add_routes(_routes())
    return app


def _routes() -> Iterator[web.RouteDef]:
    for path, handler in GET_ROUTES.items():
        yield web.get(path, handler)
    for path, handler in POST_ROUTES.items():
        yield web.post(path, handler)
    for path, handler in OPENAI_ROUTES.items():
        yield web.post("/v1" + path, handler)
        yield web.post(path, handler)  # what a proxy's version-less route sends
    for path, handler in ANY_ROUTES.items():
        yield web.route("*", path, handler)
    yield web.delete("/sim/requests", control.forget_requests)


GET_ROUTES: dict[str, Handler] = {
    "/": probes.root,
    "/health": probes.health,
    "/v1/health": probes.health,
    "/ping": probes.ping,
    "/models": probes.models,
    "/v1/models": probes.models,
    "/props": probes.props,
    "/slots": probes.slots,
    "/version": probes.version,
    "/load": probes.load,
    "/metrics": probes.metrics,
    "/test": probes.test,
    "/env": probes.environment,
    "/slow-respond": probes.slow_respond,
    "/is_sleeping": control.is_sleeping,
    "/v1/audio/voices": inference(media.voices),
    "/sdapi/v1/loras": inference(media.loras),
    "/sim/state": control.state,
    "/sim/footprint": control.footprint,
    "/sim/requests": control.requests,
    "/sim/bytes/{count:\\d+}": control.send_bytes,
}

POST_ROUTES: dict[str, Handler] = {
    "/ping": probes.ping,
    "/completion": answers_in(NativeCompletion),
    "/infill": answers_in(Infill),
    "/tokenize": inference(vectors.tokenize),
    "/detokenize": inference(vectors.detokenize),
    "/sdapi/v1/txt2img": inference(media.stable_diffusion),
    "/sdapi/v1/img2img": inference(media.stable_diffusion),
    "/sleep": control.fall_asleep,
    "/wake_up": control.wake_up,
    "/sim/exit": control.leave,
}

OPENAI_ROUTES: dict[str, Handler] = {
    "/chat/completions": answers_in(Chat),
    "/completions": answers_in(Completion),
    "/responses": answers_in(Responses),
    "/messages": answers_in(Messages),
    "/messages/count_tokens": inference(vectors.count_message_tokens),
    "/embeddings": inference(vectors.embeddings),
    "/rerank": inference(vectors.rerank),
    "/reranking": inference(vectors.rerank),
    "/audio/speech": inference(media.speech),
    "/audio/transcriptions": inference(media.transcriptions),
    "/audio/voices": inference(media.voices),
    "/images/generations": inference(media.images),
    "/images/edits": inference(media.images),
    "/tasks/run": inference(media.task),
}

ANY_ROUTES: dict[str, Handler] = {
    "/sim/hang": probes.hang,
    "/sim/status/{status:[2-5]\\d\\d}": control.status,
    "/sim/echo{tail:(/.*)?}": control.echo,
}

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _remember(request: web.Request, handler: Next) -> web.StreamResponse:
    """Keep every request but those that ask what was kept, and the many health probes.

    A websocket echoes, whatever path it asks for.
    """
    if request.path not in NOT_REMEMBERED:
        await engine_of(request).requests.add(request)
    if not request.path.startswith("/sim/") and web.WebSocketResponse().can_prepare(request):
        return await control.websocket(request)
    return await handler(request)


@web.middleware
async def _check_key(request: web.Request, handler: Next) -> web.StreamResponse:
    """Compare with the configured key, if there is one."""
    key = engine_of(request).options.api_key
    is_open = request.path in OPEN_PATHS or request.path.startswith("/sim/")
    given = (request.headers.get("Authorization", "").removeprefix("Bearer "), request.headers.get("x-api-key"))
    if key is None or is_open or key in given:
        return await handler(request)
    return error_reply(401, "Invalid API Key", "authentication_error")
