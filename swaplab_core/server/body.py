"""The request body: read once and bounded, and the model's name found in it."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from swaplab_core.domain.errors import ClientError, InvalidRequest, TooLarge


class NoModel(ClientError):
    """The request names no model."""

    code = "no-model"


async def read_body(request: web.Request) -> bytes:
    """Read the whole body; TooLarge past the application's `client_max_size`."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        limit = request.client_max_size // 2**20
        raise TooLarge(
            f"the body is larger than {limit} MiB", advice="start swaplab with a larger --max-body-mib"
        ) from None


def parse_object(body: bytes) -> dict[str, Any]:
    """Decode a JSON object; InvalidRequest says where it is malformed."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidRequest(f"the body is not valid JSON: {error.msg.split(':')[0]} at {place}") from None
    if not isinstance(value, dict):
        raise InvalidRequest(f"the body must be a JSON object, not {_kind(value)}")
    return value


def model_name(body: dict[str, Any]) -> str:
    """The model that a decoded body names; numbers count as their text, as llama-swap has it."""
    name = body.get("model")
    if name is None or name == "":
        raise NoModel("the request names no model", advice='set "model" to one of the names in GET /v1/models')
    if isinstance(name, str):
        return name
    if isinstance(name, int | float) and not isinstance(name, bool):
        return str(name)
    raise InvalidRequest(f'"model" must be a text, not {_kind(name)}')


def _kind(value: object) -> str:
    names = {list: "a list", dict: "an object", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
