"""The document at `/api/openapi.json`: OpenAPI 3.1, every route of the table, the plugins' too."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web
from attrs import define, evolve, field

from swaplab_core import __version__
from swaplab_core.domain.access import Policy
from swaplab_core.server.openapi.control import CONTROL_SHAPES
from swaplab_core.server.openapi.operation import JSON, Content, Operation, unsaid
from swaplab_core.server.openapi.operations import OPERATIONS
from swaplab_core.server.openapi.schema import Schema, shape
from swaplab_core.server.openapi.shapes import SHAPES
from swaplab_core.server.ops_errors import ops_error
from swaplab_core.server.plugins.routes import PluginRoute
from swaplab_core.server.route import ANY_METHOD, ROUTES, Endpoint, get
from swaplab_core.server.security.gate import OWN_HEADER

METHODS_OF_ANY = ("GET", "POST", "PUT", "PATCH", "DELETE")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_KEYS: Mapping[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "the key is the password"},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "azure": {"type": "apiKey", "in": "header", "name": "api-key"},
}
_OLDER: Content = {JSON: {"anyOf": [shape("OlderError"), shape("Error")]}}
_ANY_KEY: list[dict[str, list[str]]] = [{name: []} for name in _KEYS]


@define(eq=False)
class OpenApiRoutes:
    """What this server can be asked, for programs."""

    _written: dict[int, bytes] = field(factory=dict, init=False)

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/openapi.json", Policy.READ, self.openapi)]

    async def openapi(self, request: web.Request) -> web.Response:
        """The OpenAPI 3.1 document of all routes, those of plugins included."""
        table = request.app[ROUTES]
        endpoints = list(table)
        if len(endpoints) not in self._written:  # plugins come when the core's routes are there
            self._written = {len(endpoints): orjson.dumps(document(endpoints))}
        return web.Response(body=self._written[len(endpoints)], content_type=JSON)


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for endpoint in endpoints:
        for method in METHODS_OF_ANY if endpoint.method == ANY_METHOD else (endpoint.method,):
            paths[endpoint.plain_path].setdefault(method.lower(), _operation(endpoint, method))
    return {
        "openapi": "3.1.0",
        "info": {"title": "swaplab", "version": __version__, "description": "Many models behind one address."},
        "servers": [{"url": "../", "description": "relative to this document, for a proxy may put a prefix before it"}],
        "paths": dict(paths),
        "components": {"schemas": {**SHAPES, **CONTROL_SHAPES}, "securitySchemes": dict(_KEYS)},
        "security": [{}, *_ANY_KEY],
    }


def _operation(endpoint: Endpoint, method: str) -> dict[str, Any]:
    said = _said(endpoint, method)
    written: dict[str, Any] = {
        "operationId": _name(method, endpoint.plain_path),
        **_words(endpoint),
        "parameters": [*_parameters(endpoint.plain_path, said), *_demanded(endpoint, method)],
        "responses": _responses(said),
        "x-swaplab-policy": endpoint.policy.value,
    }
    if said.body is not None:
        written["requestBody"] = {"required": True, "content": _content(said.body)}
    if endpoint.policy is Policy.OPEN:
        written["security"] = []
    elif endpoint.policy is Policy.ADMIN:
        written["security"] = _ANY_KEY
    return written


def _said(endpoint: Endpoint, method: str) -> Operation:
    known = OPERATIONS.get((endpoint.method, endpoint.plain_path))
    if known is None:
        is_plugins = isinstance(getattr(endpoint.handler, "__self__", None), PluginRoute)
        known = unsaid(has_body=method in _WITH_BODY, is_plugins=is_plugins)
    if getattr(endpoint.group, "error_shape", None) is ops_error:
        known = evolve(known, refusal=_OLDER)
    return known


def _name(method: str, path: str) -> str:
    """`get_api_models`; a path that ends with a slash is an index."""
    return re.sub(r"\W+", "_", f"{method.lower()}{path}{'index' if path.endswith('/') else ''}").strip("_")


def _words(endpoint: Endpoint) -> dict[str, Any]:
    """Who answers, and what the route does; of a plugin's route its own handler says it."""
    match getattr(endpoint.handler, "__self__", None):
        case PluginRoute(plugin=plugin, route=route):
            tag, about = f"plugin {plugin}", inspect.getdoc(route.handler)
        case _:
            tag, about = endpoint.group.__name__.removesuffix("Routes"), inspect.getdoc(endpoint.handler)
    return {"tags": [tag], "summary": (about or "").partition("\n")[0]}


def _parameters(path: str, said: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{([^{}]+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    for name, schema in said.query.items():
        yield {"name": name, "in": "query", "required": name in said.needed, "schema": schema}


def _demanded(endpoint: Endpoint, method: str) -> Iterator[dict[str, Any]]:
    """What no page of another site can send."""
    if endpoint.policy is Policy.ADMIN and method != "GET":
        yield {"name": OWN_HEADER, "in": "header", "required": True, "schema": {"const": "1"}}


def _responses(said: Operation) -> dict[str, Any]:
    refused = {"description": "refused; `error.code` says why", "content": _content(said.refusal)}
    answers = {"200": {"description": "done", "content": _content(said.answer)}, "4XX": refused}
    for status, meaning in said.statuses.items():
        is_error = status >= HTTPStatus.BAD_REQUEST
        answers[str(status)] = {"description": meaning} | ({"content": _content({JSON: {}})} if is_error else {})
    return answers


def _content(content: Content) -> dict[str, dict[str, Schema]]:
    return {kind: {"schema": schema} for kind, schema in content.items()}
