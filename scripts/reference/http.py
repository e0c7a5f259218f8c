"""docs/reference/http.md: the route table of the application, and the routes of this repository's plugins."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import attrs

from reference.config import own_distributions
from reference.markdown import code, sentence, summary, table
from swaplab_core.plugin import Route
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.server.application import Parts, build_application
from swaplab_core.server.route import ANY_METHOD, ROUTES, RouteTable
from swaplab_core.testing.fake_lab import FakeLab

INTRODUCTION = """\
# HTTP

The server listens on `127.0.0.1:8080` unless told otherwise. Bodies are JSON, and a request body is bounded (128 MiB;
`--max-body-mib`). Errors have OpenAI's shape and a stable code, see [errors](errors.md); a client that accepts
`text/plain` or `text/html` and no JSON gets the message as such. *Who* is the policy of a route:
[who may do what](../howto/access.md). What each route takes and
answers is told by `/api/openapi.json`, for programs.

The routes of the plugins in this repository stand at the end. Each is served below `/api/plugins/NAME` too; where it
has a path of its own, that is the one that is shown.
"""


def page() -> str:
    """Write the page."""
    sections: dict[type, list[tuple[str, str, str, str]]] = defaultdict(list)
    for endpoint in _table():
        method = "any" if endpoint.method == ANY_METHOD else endpoint.method
        row = (method, code(endpoint.plain_path), endpoint.policy.value, sentence(summary(endpoint.handler)))
        sections[endpoint.group].append(row)
    core = (_section(owner, rows) for owner, rows in sections.items())
    return "\n".join([INTRODUCTION, *core, *(_plugin(*found) for found in _plugin_routes())])


def _plugin_routes() -> Iterator[tuple[str, tuple[Route, ...]]]:
    """Answer the routes of this repository's plugins, by the name under which they are installed."""
    catalogue = Catalogue.discover()
    ours = own_distributions()
    names = {record.name for record in catalogue.records if record.distribution in ours}
    for plugin, routes in sorted(catalogue.hooks.routes(FakeLab()).items()):
        if plugin in names and routes:
            yield plugin, routes


def _plugin(name: str, routes: tuple[Route, ...]) -> str:
    rows = [
        (
            route.method,
            code(re.sub(r":path}", "}", route.public_path or f"/api/plugins/{name}{route.path}")),
            route.policy.value,
            sentence(summary(route.handler)),
        )
        for route in routes
    ]
    return f"## Plugin `{name}`\n\n{table(HEADER, rows)}"


HEADER = ("method", "path", "who", "what it does")


class _Absent:
    """Stands for all that is behind the handlers: only the table is wanted."""

    def __getattr__(self, _: str) -> _Absent:
        return self

    def __call__(self, *_: object) -> _Absent:
        return self


def _table() -> RouteTable:
    absent: Any = _Absent()
    return build_application(Parts(*(absent for _ in attrs.fields(Parts))))[ROUTES]


def _section(owner: type, rows: list[tuple[str, str, str, str]]) -> str:
    words = re.findall(r"[A-Z][a-z]*", owner.__name__.removesuffix("Routes"))
    title = " ".join(words).capitalize()
    return f"## {title}\n\n{sentence(summary(owner))}\n\n{table(HEADER, rows)}"
