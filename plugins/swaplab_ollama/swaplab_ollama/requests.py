"""What an Ollama request asks for: an inference in OpenAI's words, or to load or unload a model."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from swaplab_core.domain.errors import InvalidRequest
from swaplab_ollama.messages import to_openai, with_pictures
from swaplab_ollama.options import read_options

CHAT, COMPLETIONS, INFILL = "/v1/chat/completions", "/v1/completions", "/infill"

_DURATION = re.compile(r"[+-]?(\d+(\.\d*)?|(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+)")
_NOT_FOR_US = ("truncate", "shift")
"""Fields of a request about what a full context does: the engine's business here."""


class Voice(enum.Enum):
    """How the answer is written: as a message (`/api/chat`) or as plain text (`/api/generate`)."""

    CHAT = "chat"
    GENERATE = "generate"


@frozen
class Inference:
    """Ask `path` with `body`, to which the model's name is added.

    `streams`: the caller wants lines. `ignored` names what was left out. `unload`: let the model go afterwards.
    """

    model: str
    voice: Voice
    path: str
    body: Mapping[str, Any]
    streams: bool = True
    ignored: tuple[str, ...] = ()
    unload: bool = False


@frozen
class Load:
    """Bring a model up: what a request without a question means."""

    model: str
    voice: Voice


@frozen
class Unload:
    """Let a model go: without a question and with `keep_alive` 0."""

    model: str
    voice: Voice


@frozen
class Embedding:
    """Ask for the embeddings of `texts`; without any, only load the model."""

    model: str
    texts: Sequence[str]
    fields: Mapping[str, Any] = field(factory=dict)
    ignored: tuple[str, ...] = ()
    unload: bool = False


def read_chat(body: Mapping[str, Any]) -> Inference | Load | Unload:
    """Read a request to `/api/chat`. Raises InvalidRequest."""
    model = read_model(body)
    if not body.get("messages"):
        return Unload(model, Voice.CHAT) if is_zero(body.get("keep_alive")) else Load(model, Voice.CHAT)
    tools = {"tools": body["tools"]} if body.get("tools") else {}
    asked = {"messages": to_openai(body["messages"]), **tools, **_thinking(body.get("think")), **_logprobs(body)}
    return _inference(model, Voice.CHAT, CHAT, asked, body)


def read_generate(body: Mapping[str, Any]) -> Inference | Load | Unload:
    """Read a request to `/api/generate`. Raises InvalidRequest."""
    model = read_model(body)
    prompt, suffix = _text(body, "prompt"), _text(body, "suffix")
    if not (prompt or suffix or body.get("images")):
        return Unload(model, Voice.GENERATE) if is_zero(body.get("keep_alive")) else Load(model, Voice.GENERATE)
    _refuse_what_no_engine_can(body)
    if suffix:
        return _inference(model, Voice.GENERATE, INFILL, {"input_prefix": prompt, "input_suffix": suffix}, body)
    if body.get("raw"):
        asked = {"prompt": prompt, **_native_format(body.get("format"))}
        return _inference(model, Voice.GENERATE, COMPLETIONS, asked, body)
    system = [{"role": "system", "content": body["system"]}] if _text(body, "system") else []
    messages = [*system, {"role": "user", "content": with_pictures(prompt, body.get("images"))}]
    asked = {"messages": messages, **_thinking(body.get("think")), **_logprobs(body)}
    return _inference(model, Voice.GENERATE, CHAT, asked, body)


def read_embed(body: Mapping[str, Any]) -> Embedding:
    """Read a request to `/api/embed`. Raises InvalidRequest."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given or []
    if not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        raise InvalidRequest('"input" must be a text or a list of texts')
    return _embedding(body, [] if texts == [""] else texts)


def read_embeddings(body: Mapping[str, Any]) -> Embedding:
    """Read a request to `/api/embeddings`, the older form with one `prompt`. Raises InvalidRequest."""
    prompt = _text(body, "prompt")
    return _embedding(body, [prompt] if prompt else [])


def read_model(body: Mapping[str, Any]) -> str:
    """Read which model is meant; `name` is the older word. Raises InvalidRequest."""
    model = body.get("model") or body.get("name")
    if not (isinstance(model, str) and model):
        raise InvalidRequest("model is required")
    return model


def is_zero(keep_alive: object) -> bool:
    """Is it no time at all: seconds, or a text such as `0`, `0s`, `0m0s`? Raises InvalidRequest for other things."""
    if keep_alive is None:
        return False
    if isinstance(keep_alive, int | float) and not isinstance(keep_alive, bool):
        return keep_alive == 0
    if isinstance(keep_alive, str) and _DURATION.fullmatch(keep_alive):
        return re.search("[1-9]", keep_alive) is None
    raise InvalidRequest(f'"keep_alive" must be seconds or a duration such as "5m", not {keep_alive!r}')


def _inference(model: str, voice: Voice, path: str, asked: Mapping[str, Any], body: Mapping[str, Any]) -> Inference:
    options, ignored = read_options(body.get("options"))
    return Inference(
        model,
        voice,
        path,
        {**asked, **_format(body.get("format")), **options, "stream": True, "stream_options": {"include_usage": True}},
        streams=body.get("stream") is not False,
        ignored=ignored + _ignored(body),
        unload=is_zero(body.get("keep_alive")),
    )


def _embedding(body: Mapping[str, Any], texts: Sequence[str]) -> Embedding:
    dimensions = {"dimensions": body["dimensions"]} if body.get("dimensions") else {}
    _, ignored = read_options(body.get("options"))
    unload = is_zero(body.get("keep_alive"))
    return Embedding(read_model(body), texts, dimensions, ignored + _ignored(body), unload)


def _ignored(body: Mapping[str, Any]) -> tuple[str, ...]:
    keeps = body.get("keep_alive") is not None and not is_zero(body["keep_alive"])
    return (*(name for name in _NOT_FOR_US if body.get(name) is not None), *(["keep_alive"] if keeps else []))


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise InvalidRequest(f'"{name}" must be a text')
    return value


def _refuse_what_no_engine_can(body: Mapping[str, Any]) -> None:
    if body.get("raw") and (body.get("template") or body.get("system") or body.get("context")):
        raise InvalidRequest("raw mode does not support template, system, or context")
    if body.get("template"):
        raise InvalidRequest(
            '"template" is not supported: the engine applies its own chat template',
            advice='apply yours and send the result with "raw": true',
        )
    if body.get("context"):
        raise InvalidRequest('"context" is not supported', advice="send the conversation to /api/chat")


def _thinking(think: object) -> dict[str, Any]:
    """Engines have no common word for it: most chat templates look at `enable_thinking`, some at an effort."""
    match think:
        case None:
            return {}
        case bool():
            return {"chat_template_kwargs": {"enable_thinking": think}}
        case str():
            kwargs = {"enable_thinking": True, "reasoning_effort": think}
            return {"reasoning_effort": think, "chat_template_kwargs": kwargs}
        case _:
            raise InvalidRequest('"think" must be true, false, or how much: "low", "medium" or "high"')


def _format(wanted: object) -> dict[str, Any]:
    schema = _schema(wanted)
    named = {"name": "format", "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}} if schema else {}


def _native_format(wanted: object) -> dict[str, Any]:
    """llama.cpp looks for a `response_format` in chats only; this is its own word for it."""
    schema = _schema(wanted)
    return {"json_schema": schema} if schema else {}


def _schema(wanted: object) -> Mapping[str, Any] | None:
    """`json` becomes a schema as well: llama.cpp takes `json_object` for no more than a wish."""
    match wanted:
        case None | "":
            return None
        case "json":
            return {"type": "object"}
        case Mapping():
            return wanted or {"type": "object"}
        case _:
            raise InvalidRequest('"format" must be "json" or a JSON schema')


def _logprobs(body: Mapping[str, Any]) -> dict[str, Any]:
    if not body.get("logprobs"):
        return {}
    return {"logprobs": True, **({"top_logprobs": body["top_logprobs"]} if body.get("top_logprobs") else {})}
