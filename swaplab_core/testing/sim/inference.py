"""Everything that costs a GPU: only when loaded and awake, a few at a time, in one of the dialects."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from swaplab_core.testing.sim.dialects import Dialect, Exchange, Json
from swaplab_core.testing.sim.engine import SimEngine
from swaplab_core.testing.sim.generation import Stopwatch, plan_generation, speak
from swaplab_core.testing.sim.http import Handler, duration_seconds, engine_of, error_reply, json_body, reply
from swaplab_core.testing.sim.request_log import KEPT_BODY_BYTES
from swaplab_core.testing.sim.streaming import close_connection, open_stream, promised, will_compress


def inference(handler: Handler) -> Handler:
    """Let a handler work only when the engine can; `?wait=250ms` delays it, whatever it does."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        engine = engine_of(request)
        refusal = await _refusal(engine) or await _unknown_model(request)
        if refusal is not None:
            return refusal
        await asyncio.sleep(duration_seconds(request.query.get("wait", "0")))
        async with engine.meter.turn():
            response = await _finished(request, await handler(request))
        engine.print(f"swaplab-sim: {request.method} {request.path} {response.status}\n")
        return response

    return guarded


def answers_in(dialect: type[Dialect]) -> Handler:
    """Make the handler of one dialect."""

    async def answer(request: web.Request) -> web.StreamResponse:
        exchange = await _exchange(request)
        stopwatch = Stopwatch(time.monotonic())
        outcome = "abort"
        try:
            if _is_streamed(request, exchange.body):
                response: web.StreamResponse = await _stream(request, dialect(exchange), stopwatch)
            else:
                response = await _whole(request, dialect(exchange), stopwatch)
            if stopwatch.tokens == exchange.generation.count:
                outcome = "length" if exchange.generation.is_cut else "stop"
        finally:
            engine_of(request).meter.record(exchange.generation, stopwatch, outcome)
        return response

    return inference(answer)


async def _exchange(request: web.Request) -> Exchange:
    engine = engine_of(request)
    body = await json_body(request)
    raw = await request.read()
    stream_options = body.get("stream_options") or {}
    return Exchange(
        number=next(engine.meter.numbers),
        created=int(time.time()),
        model=str(body.get("model") or engine.options.model),
        body=body,
        generation=plan_generation(engine.speech, body),
        timings=engine.options.timings,
        wants_usage=bool(stream_options.get("include_usage")) or "stream" in request.query,
        echo={
            "content_length": request.headers.get("Content-Length"),
            "body": raw[:KEPT_BODY_BYTES].decode(errors="replace"),
        },
    )


def _is_streamed(request: web.Request, body: Json) -> bool:
    return request.query.get("stream") == "true" or body.get("stream") is True


async def _stream(request: web.Request, dialect: Dialect, stopwatch: Stopwatch) -> web.StreamResponse:
    stream = await open_stream(request)
    try:
        await stream.send(dialect.opening())
        async for piece in speak(stream.engine.options, dialect.exchange.generation, stopwatch):
            await stream.send(dialect.piece(piece))
        await stream.send(dialect.closing(stopwatch))
        await stream.end()
    except ConnectionError:
        pass  # cut by us (StreamCutError), or the client has gone: there is nobody to tell
    return stream.response


async def _whole(request: web.Request, dialect: Dialect, stopwatch: Stopwatch) -> web.Response:
    async for _ in speak(engine_of(request).options, dialect.exchange.generation, stopwatch):
        pass
    return reply(dialect.complete(stopwatch))


async def _refusal(engine: SimEngine) -> web.Response | None:
    if engine.options.wait_while_loading:
        await engine.loaded.wait()
    if not engine.loaded.is_set():
        return error_reply(503, "Loading model", "unavailable_error")
    if engine.residency.is_asleep:
        return error_reply(503, "The engine is asleep", "unavailable_error")
    return None


async def _unknown_model(request: web.Request) -> web.Response | None:
    options = engine_of(request).options
    if not options.check_model or not request.content_type.endswith("json"):
        return None
    asked = (await json_body(request)).get("model")
    if asked in {None, options.model}:
        return None
    return error_reply(404, f"The model `{asked}` does not exist, this is `{options.model}`", "NotFoundError")


async def _finished(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Compress a whole reply if asked to, and close the connection behind any if told to."""
    options = engine_of(request).options
    if isinstance(response, web.Response) and will_compress(request):
        response.enable_compression(web.ContentCoding.gzip)
    if options.close_after_reply:
        if not response.prepared:
            response.headers.update(promised(options))
            await response.prepare(request)
        await response.write_eof()
        close_connection(request)
    return response
