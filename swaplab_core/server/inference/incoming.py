"""What an inference request says of itself, whatever it is written in: JSON, a multipart form, a form, or a query.

Each kind tells the requested model and whether the answer shall be streamed, and gives the request as the upstream
shall see it once the route is known.
"""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from attrs import frozen

from swaplab_core.adapters.relay import Body
from swaplab_core.server.body import model_name, parse_object, read_body
from swaplab_core.server.inference.model_path import raw_query
from swaplab_core.server.inference.multipart import Form, read_form
from swaplab_core.services.models.request_router import RequestRoute

JSON_BEGINNINGS = frozenset({b"{", b"[", b'"'})
"""What no form begins with: curl calls whatever it posts a form."""


@frozen
class Outgoing:
    """A request on its way to an upstream. `body` None: it has none; `query` replaces the request's own unless None."""

    body: Body | None = None
    query: str | None = None


class Incoming(Protocol):
    """A request that names a model."""

    @property
    def model(self) -> str:
        """The requested name."""
        ...

    @property
    def streaming(self) -> bool:
        """Whether the client wants a stream."""
        ...

    def outgoing(self, route: RequestRoute) -> Outgoing:
        """The request as the upstream shall see it."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


async def read_incoming(request: web.Request) -> Incoming:
    """Read the request. Raises InvalidRequest or NoModel, saying what is wrong."""
    if request.method in {"GET", "HEAD"}:
        return FormIncoming(raw_query(request.raw_path), in_query=True)
    content_type = request.content_type
    if content_type == "multipart/form-data":
        return MultipartIncoming(await read_form(request))
    body = await read_body(request)
    if content_type != "application/json" and body.lstrip()[:1] not in JSON_BEGINNINGS:
        return FormIncoming(body.decode("utf-8", "replace"), fallback=raw_query(request.raw_path))
    return JsonIncoming(body, parse_object(body))


@frozen
class JsonIncoming:
    """A JSON object, whatever its content type says: curl's default type is a form."""

    raw: bytes
    parsed: dict[str, Any]

    @property
    def model(self) -> str:
        """The requested name."""
        return model_name(self.parsed)

    @property
    def streaming(self) -> bool:
        """Whether the client wants a stream."""
        return self.parsed.get("stream") is True

    def outgoing(self, route: RequestRoute) -> Outgoing:
        """Edited in its bytes."""
        return Outgoing(Body.of(route.edit(self.raw)))

    def close(self) -> None:
        """Nothing is held."""


@frozen
class MultipartIncoming:
    """A form with files; only its `model` field is ever changed."""

    form: Form

    @property
    def model(self) -> str:
        """The requested name."""
        return model_name({"model": self.form.model})

    @property
    def streaming(self) -> bool:
        """Whether the client wants a stream."""
        return self.form.streaming

    def outgoing(self, route: RequestRoute) -> Outgoing:
        """The same form."""
        return Outgoing(Body(self.form.content(route.rename), self.form.size(route.rename)))

    def close(self) -> None:
        """Delete the temporary file."""
        self.form.close()


@frozen
class FormIncoming:
    """`key=value` pairs, in the body or (GET) in the query."""

    text: str
    in_query: bool = False
    fallback: str = ""

    @property
    def model(self) -> str:
        """The requested name."""
        return model_name({"model": self._value("model")})

    @property
    def streaming(self) -> bool:
        """Whether the client wants a stream."""
        return self._value("stream") == "true"

    def outgoing(self, route: RequestRoute) -> Outgoing:
        """The same pairs, encoded anew only when the name changes."""
        if self.in_query:
            return Outgoing(query=_renamed(self.text, route.rename))
        body = Body.of(_renamed(self.text, route.rename).encode())
        return Outgoing(body, _renamed(self.fallback, route.rename) if self.fallback else None)

    def close(self) -> None:
        """Nothing is held."""

    def _value(self, name: str) -> str:
        for text in (self.text, self.fallback):
            for key, value in parse_qsl(text, keep_blank_values=True):
                if key == name:
                    return value
        return ""


def _renamed(text: str, model: str | None) -> str:
    """The same pairs, encoded anew only when there is a name to change."""
    pairs = parse_qsl(text, keep_blank_values=True)
    if model is None or all(key != "model" for key, _ in pairs):
        return text
    return urlencode([(key, model if key == "model" else value) for key, value in pairs])
