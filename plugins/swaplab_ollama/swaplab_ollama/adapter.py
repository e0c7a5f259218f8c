"""Answers Ollama's requests by asking this server: the only module here that waits for anything.

What to ask and what to answer is decided by the pure modules; here are the order of things, the clock, and errors.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson
from attrs import define, evolve, field, frozen

from swaplab_core.domain.errors import ClientError, UpstreamError
from swaplab_core.plugin import Call, Gateway, GatewayResponse, Reply
from swaplab_ollama import models
from swaplab_ollama.answers import NOTHING, AnswerReader, Piece, error_message
from swaplab_ollama.events import EventDecoder
from swaplab_ollama.lines import Times, encoded, last_line, line, work
from swaplab_ollama.names import candidates
from swaplab_ollama.requests import (
    Embedding,
    Inference,
    Load,
    Unload,
    read_chat,
    read_embed,
    read_embeddings,
    read_generate,
    read_model,
)

API_VERSION = "0.12.6"
"""The release of Ollama whose API is spoken here: clients compare it with the oldest one they can use."""

IGNORED = "X-Swaplab-Ignored"
"""The header that names what was left out of a request."""

_log = logging.getLogger(__name__)

Handler = Callable[[Call, Gateway], Awaitable[Reply]]


@frozen
class Clock:
    """The time for people, and nanoseconds of a clock that never jumps."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ticks: Callable[[], int] = time.perf_counter_ns


class Refused(Exception):
    """The server answered a request of ours with an error; its status and words are the answer."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})


def in_ollamas_words(handler: Handler) -> Handler:
    """Answer errors as Ollama does: `{"error": "what happened"}`."""

    async def answer(call: Call, gateway: Gateway) -> Reply:
        try:
            return await handler(call, gateway)
        except Refused as refusal:
            reply = Reply.of_json({"error": refusal.message}, refusal.status)
            return evolve(reply, headers={**reply.headers, **refusal.headers})
        except ClientError as error:
            return Reply.of_json({"error": str(error)}, 400)
        except UpstreamError as error:
            return Reply.of_json({"error": str(error)}, 502)

    answer.__doc__ = handler.__doc__
    return answer


def not_here(advice: str) -> Handler:
    """Answer that Ollama can do this and this server cannot."""

    async def answer(_: Call, __: Gateway) -> Reply:
        return Reply.of_json({"error": f"swaplab does not do this: {advice}"}, 501)

    answer.__doc__ = f"Refused: {advice}."
    return answer


@frozen
class Ollama:
    """The handlers, one for each path."""

    clock: Clock = Clock()

    async def chat(self, call: Call, gateway: Gateway) -> Reply:
        """Chat as Ollama does, streamed line by line unless told otherwise."""
        return await self._answer(read_chat(call.json()), gateway)

    async def generate(self, call: Call, gateway: Gateway) -> Reply:
        """Complete a prompt as Ollama does; without one, load the model."""
        return await self._answer(read_generate(call.json()), gateway)

    async def embed(self, call: Call, gateway: Gateway) -> Reply:
        """Embed one text or several."""
        asked, wanted = self.clock.ticks(), read_embed(call.json())
        vectors, tokens = await _embed(wanted, gateway)
        took = {"total_duration": self.clock.ticks() - asked, "prompt_eval_count": tokens}
        return _json({"model": wanted.model, "embeddings": vectors, **took}, wanted.ignored)

    async def embeddings(self, call: Call, gateway: Gateway) -> Reply:
        """Embed one text, in the older form."""
        wanted = read_embeddings(call.json())
        vectors, _ = await _embed(wanted, gateway)
        return _json({"embedding": vectors[0] if vectors else []}, wanted.ignored)

    async def tags(self, _: Call, gateway: Gateway) -> Reply:
        """The models, as a list of tags."""
        return Reply.of_json(models.tags(await _listed(gateway)))

    async def processes(self, _: Call, gateway: Gateway) -> Reply:
        """The models that are ready, and until when."""
        running = (await _get(gateway, "/running"))["running"]
        return Reply.of_json(models.processes(running, await _listed(gateway), self.clock.now()))

    async def show(self, call: Call, gateway: Gateway) -> Reply:
        """What the configuration says of `{model}`."""
        name = read_model(call.json())
        listed, states = await _listed(gateway), await _states(gateway)
        for candidate in candidates(name):
            if (record := models.find(candidate, listed)) or models.find(candidate, states):
                return Reply.of_json(models.description(name, record or {}))
        raise _not_found(name)

    async def version(self, _: Call, __: Gateway) -> Reply:
        """The release of Ollama whose words are spoken."""
        return Reply.of_json({"version": API_VERSION})

    async def alive(self, _: Call, __: Gateway) -> Reply:
        """A word that it is there."""
        return Reply(headers={"Content-Type": "text/plain"}, body=b"swaplab is running and speaks Ollama's API here")

    async def _answer(self, wanted: Inference | Load | Unload, gateway: Gateway) -> Reply:
        match wanted:
            case Inference():
                return await self._infer(wanted, gateway)
            case Load(model, voice):
                await _load(model, gateway)
                return Reply.of_json(last_line(voice, model, self.clock.now(), reason="load"))
            case Unload(model, voice):
                await _unload(model, gateway)
                return Reply.of_json(last_line(voice, model, self.clock.now(), reason="unload"))

    async def _infer(self, wanted: Inference, gateway: Gateway) -> Reply:
        asked = self.clock.ticks()
        name, answer = await _ask(gateway, wanted.path, wanted.model, wanted.body)
        told = _Told(wanted, self.clock, asked, head=self.clock.ticks())
        pieces = told.pieces(answer)
        said = await anext(pieces, NOTHING)  # before the status is sent: what goes wrong until here can still change it
        if wanted.streams:
            headers = {"Content-Type": "application/x-ndjson", **_ignored(wanted.ignored)}
            return Reply(200, headers, _stream(told, said, pieces, name, gateway))
        async for piece in pieces:
            said += piece
        if wanted.unload:
            await _let_go(name, gateway)
        return _json(told.last(said), wanted.ignored)


@define
class _Told:
    """One inference while it is told."""

    wanted: Inference
    clock: Clock
    asked: int
    head: int
    first: int = 0
    reader: AnswerReader = field(factory=AnswerReader)

    async def pieces(self, answer: GatewayResponse) -> AsyncIterator[Piece]:
        """Give what the model says, as it comes. Raises UpstreamError when the answer breaks off."""
        async for data in _events(answer):
            piece = self.reader.read(data)
            if self.reader.has_begun:
                self.first = self.first or self.clock.ticks()
            if piece != NOTHING:
                yield piece
        if not self.reader.is_complete:
            raise UpstreamError("the answer ended in the middle")
        if (rest := self.reader.rest()) != NOTHING:
            yield rest

    def line(self, piece: Piece) -> dict[str, Any]:
        """Write a piece."""
        return line(self.wanted.voice, self.wanted.model, self.clock.now(), piece)

    def last(self, piece: Piece = NOTHING) -> dict[str, Any]:
        """Write the end."""
        end = self.clock.ticks()
        figures = work(self.reader.figures, Times(self.asked, self.head, self.first or end, end))
        wanted = self.wanted
        return last_line(
            wanted.voice, wanted.model, self.clock.now(), piece, reason=self.reader.reason, figures=figures
        )


async def _stream(
    told: _Told, first: Piece, pieces: AsyncIterator[Piece], name: str, gateway: Gateway
) -> AsyncIterator[bytes]:
    """Write NDJSON. An error is a line too: the status is sent already.

    A model that is to go has gone before the last line: whoever reads that may leave at once.
    """
    try:
        if first != NOTHING:
            yield encoded(told.line(first))
        async for piece in pieces:
            yield encoded(told.line(piece))
        if told.wanted.unload:
            await _let_go(name, gateway)
        yield encoded(told.last())
    except UpstreamError as error:
        yield encoded({"error": str(error)})


async def _events(answer: GatewayResponse) -> AsyncIterator[bytes]:
    """Give the events of an answer; one that is no stream is one event."""
    if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
        yield await answer.read()
        return
    decoder = EventDecoder()
    async for piece in answer.body:
        for data in decoder.feed(piece):
            yield data
    for data in decoder.end():
        yield data


async def _ask(gateway: Gateway, path: str, model: str, body: Mapping[str, Any]) -> tuple[str, GatewayResponse]:
    """Ask by the names the model may have, and return the one it has with the answer. Raises Refused."""
    for name in candidates(model):
        answer = await gateway.request("POST", path, json={**body, "model": name})
        if answer.status < 400:
            return name, answer
        refusal, code = await _refusal(answer)
        if code != "unknown-model":
            raise refusal
    raise _not_found(model)


async def _embed(wanted: Embedding, gateway: Gateway) -> tuple[list[list[float]], int]:
    """Return a vector for each text, and how many tokens they have together."""
    if not wanted.texts:
        await (_unload if wanted.unload else _load)(wanted.model, gateway)
        return [], 0
    body = {"input": wanted.texts, "encoding_format": "float", **wanted.fields}
    name, answer = await _ask(gateway, "/v1/embeddings", wanted.model, body)
    said = _object(await answer.read())
    if wanted.unload:
        await _let_go(name, gateway)
    try:
        vectors = [entry["embedding"] for entry in sorted(said["data"], key=lambda entry: entry["index"])]
        return vectors, int((said.get("usage") or {}).get("prompt_tokens") or 0)
    except (KeyError, TypeError) as error:
        raise UpstreamError("the engine's answer holds no embeddings") from error


async def _load(model: str, gateway: Gateway) -> None:
    for name in candidates(model):
        answer = await gateway.request("POST", f"/api/models/load/{quote(name, safe='')}")
        if answer.status < 400:
            return
        refusal, code = await _refusal(answer)
        if code != "unknown-model":
            raise refusal
    raise _not_found(model)


async def _unload(model: str, gateway: Gateway) -> None:
    """Let a model go because somebody says so; one that others use stays, and that is an error."""
    for name in candidates(model):
        users = await _unload_if_idle(name, gateway)
        if users:
            raise Refused(409, f"model {model!r} stays loaded: it serves {users} requests")
        if users is not None:
            return
    raise _not_found(model)


async def _let_go(name: str, gateway: Gateway) -> None:
    """Unload after an answer, if that can be: the answer is good all the same when its caller may not unload."""
    try:
        await _unload_if_idle(name, gateway)
    except (Refused, UpstreamError) as error:
        _log.info("%s stays loaded: %s", name, error)


async def _unload_if_idle(name: str, gateway: Gateway) -> int | None:
    """Stop a model that nobody uses, and return how many do; None when there is no such model. Raises Refused."""
    state = models.find(name, await _states(gateway))
    if state is None:
        return None
    users = int(state["serving"]) + int(state["waiting"])
    if not users:
        answer = await gateway.request("POST", f"/api/models/unload/{quote(name, safe='')}")
        if answer.status >= 400:
            raise (await _refusal(answer))[0]
    return users


async def _listed(gateway: Gateway) -> list[models.Record]:
    return list((await _get(gateway, "/v1/models"))["data"])


async def _states(gateway: Gateway) -> list[models.Record]:
    return list((await _get(gateway, "/api/models"))["models"])


async def _get(gateway: Gateway, path: str) -> dict[str, Any]:
    answer = await gateway.request("GET", path)
    if answer.status >= 400:
        raise (await _refusal(answer))[0]
    return _object(await answer.read())


async def _refusal(answer: GatewayResponse) -> tuple[Refused, str]:
    """Read an error of the server or of an engine: what to answer, and its code."""
    body = await answer.read()
    try:
        error = _object(body)["error"]
    except (UpstreamError, KeyError):
        error = body.decode(errors="replace").strip() or "no reason was given"
    code = str(error.get("code")) if isinstance(error, Mapping) else ""
    retry = {name: value for name, value in answer.headers.items() if name.lower() == "retry-after"}
    return Refused(answer.status, error_message(error), retry), code


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise UpstreamError("the answer is no JSON object")
    return value


def _not_found(model: str) -> Refused:
    return Refused(404, f"model '{model}' not found")


def _json(value: Mapping[str, Any], ignored: tuple[str, ...]) -> Reply:
    reply = Reply.of_json(value)
    return evolve(reply, headers={**reply.headers, **_ignored(ignored)})


def _ignored(names: tuple[str, ...]) -> dict[str, str]:
    return {IGNORED: ", ".join(names)} if names else {}
