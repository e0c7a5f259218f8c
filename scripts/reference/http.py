"""docs/reference/http.md: the route table of the application."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import attrs

from reference.markdown import code, sentence, summary, table
from swaplab_core.server.application import Parts, build_application
from swaplab_core.server.route import ANY_METHOD, ROUTES, RouteTable

INTRODUCTION = """\
# HTTP

The server listens on `127.0.0.1:8080` unless told otherwise. Bodies are JSON, and a request body is bounded (128 MiB;
`--max-body-mib`). Errors have OpenAI's shape and a stable code, see [errors](errors.md); a client that accepts
`text/plain` or `text/html` and no JSON gets the message as such. *Who* is the policy of a route:
[who may do what](../howto/access.md). What each route takes and
answers is told by `/api/openapi.json`, for programs.
"""


def page() -> str:
    """Write the page."""
    sections: dict[type, list[tuple[str, str, str, str]]] = defaultdict(list)
    for endpoint in _table():
        method = "any" if endpoint.method == ANY_METHOD else endpoint.method
        row = (method, code(endpoint.plain_path), endpoint.policy.value, sentence(summary(endpoint.handler)))
        sections[endpoint.group].append(row)
    return "\n".join([INTRODUCTION, *(_section(owner, rows) for owner, rows in sections.items())])


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
    return f"## {title}\n\n{sentence(summary(owner))}\n\n{table(('method', 'path', 'who', 'what it does'), rows)}"
