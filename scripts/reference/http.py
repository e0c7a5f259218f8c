"""docs/reference/http.md: the route table of the application."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import attrs
from aiohttp import web

from reference.markdown import code, sentence, summary, table
from swaplab_core.server.application import Parts, build_application

INTRODUCTION = """\
# HTTP

The server listens on `127.0.0.1:8080` unless told otherwise. Bodies are JSON, and a request body is bounded (128 MiB;
`--max-body-mib`). Errors have OpenAI's shape and a stable code, see [errors](errors.md). When the configuration has
`apiKeys`, every route but `/health` asks for one: `Authorization: Bearer KEY`, `x-api-key: KEY`, or as the password of
Basic.
"""


def page() -> str:
    """Write the page."""
    sections: dict[type, list[tuple[str, str, str]]] = defaultdict(list)
    for route in _application().router.routes():
        owner = getattr(route.handler, "__self__", None)
        if owner is not None and route.method != "HEAD" and route.resource is not None:
            method = "any" if route.method == "*" else route.method
            row = (method, code(route.resource.canonical), sentence(summary(route.handler)))
            sections[type(owner)].append(row)
    return "\n".join([INTRODUCTION, *(_section(owner, rows) for owner, rows in sections.items())])


class _Absent:
    """Stands for all that is behind the handlers: only the table is wanted."""

    def __getattr__(self, _: str) -> _Absent:
        return self

    def __call__(self, *_: object) -> _Absent:
        return self


def _application() -> web.Application:
    absent: Any = _Absent()
    return build_application(Parts(*(absent for _ in attrs.fields(Parts))))


def _section(owner: type, rows: list[tuple[str, str, str]]) -> str:
    words = re.findall(r"[A-Z][a-z]*", owner.__name__.removesuffix("Routes"))
    title = " ".join(words).capitalize()
    return f"## {title}\n\n{sentence(summary(owner))}\n\n{table(('method', 'path', 'what it does'), rows)}"
