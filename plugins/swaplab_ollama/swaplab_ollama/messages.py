"""Messages of a chat as OpenAI has them: pictures become data URLs, tool calls get ids and their arguments as text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from attrs import define, field

from swaplab_core.domain.errors import InvalidRequest

_PICTURES = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
    b"BM": "image/bmp",
}
"""What the data of a picture begins with."""
_HEAD = 16
"""Characters of base64 that hold the longest of these; a multiple of four."""


def to_openai(messages: object) -> list[dict[str, Any]]:
    """Translate all messages. Raises InvalidRequest."""
    if not (isinstance(messages, list) and all(isinstance(message, Mapping) for message in messages)):
        raise InvalidRequest('"messages" must be a list of objects')
    calls = _Calls()
    return [_message(message, calls) for message in messages]


def with_pictures(text: str, images: object) -> str | list[dict[str, Any]]:
    """Make the content of a message: the text itself, or parts when there are pictures. Raises InvalidRequest."""
    if not images:
        return text
    if not isinstance(images, list):
        raise InvalidRequest('"images" must be a list')
    parts = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in images]
    return [{"type": "text", "text": text}, *parts] if text else parts


def data_url(image: object) -> str:
    """Make a data URL of a picture in base64. Raises InvalidRequest when it is none; the rest is not looked at."""
    if not isinstance(image, str):
        raise InvalidRequest("an image must be a text in base64")
    try:
        head = base64.b64decode(image[:_HEAD], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("an image is not base64") from None
    kind = next((kind for beginning, kind in _PICTURES.items() if head.startswith(beginning)), None)
    if kind is None:
        raise InvalidRequest("an image is none of PNG, JPEG, GIF, WebP, BMP")
    return f"data:{kind};base64,{image}"


@define
class _Calls:
    """The tool calls of a conversation that wait for their result: Ollama's clients may leave out the ids."""

    _waiting: list[tuple[str, str]] = field(factory=list)
    _made: int = 0

    def call(self, name: str, given: object) -> str:
        """Return the id of a call, its own or a new one."""
        self._made += 1
        number = given if isinstance(given, str) and given else f"call_{self._made}"
        self._waiting.append((number, name))
        return number

    def result(self, name: object, given: object) -> str:
        """Return the id of the call that a result is for: the one it names, or the first of that tool, or the first."""
        fitting = (
            [call for call in self._waiting if call[0] == given]
            or [call for call in self._waiting if call[1] == name]
            or self._waiting
        )
        if not fitting:
            return given if isinstance(given, str) and given else "call_0"
        found = fitting[0]
        self._waiting.remove(found)
        return found[0]


def _message(message: Mapping[str, Any], calls: _Calls) -> dict[str, Any]:
    role, content = message.get("role"), message.get("content") or ""
    if not (isinstance(role, str) and role and isinstance(content, str)):
        raise InvalidRequest('a message needs a "role" and a "content", both texts')
    made: dict[str, Any] = {"role": role, "content": with_pictures(content, message.get("images"))}
    if thinking := message.get("thinking"):
        made["reasoning_content"] = thinking
    if given := message.get("tool_calls"):
        made["tool_calls"] = _tool_calls(given, calls)
    if role == "tool":
        made["tool_call_id"] = calls.result(message.get("tool_name"), message.get("tool_call_id"))
    return made


def _tool_calls(given: object, calls: _Calls) -> list[dict[str, Any]]:
    if not isinstance(given, Sequence):
        raise InvalidRequest('"tool_calls" must be a list')
    return [_tool_call(call, calls) for call in given]


def _tool_call(call: object, calls: _Calls) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not (isinstance(call, Mapping) and isinstance(function, Mapping) and isinstance(name, str)):
        raise InvalidRequest("a tool call needs a function with a name")
    arguments = function.get("arguments") or {}
    return {
        "id": calls.call(name, call.get("id")),
        "type": "function",
        "function": {
            "name": name,
            "arguments": arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode(),
        },
    }
