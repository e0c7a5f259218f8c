"""One model in the configuration file: its own lines, and a form for its simple keys."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web
from attrs import define

from swaplab_core.config.redact import redacted
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.server.api.config import text_of
from swaplab_core.server.api.models import json_response
from swaplab_core.server.api.revisions import entity_tag, if_match, stale_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.errors import problem_record
from swaplab_core.server.route import Endpoint, get, post, put
from swaplab_core.server.security.sender import Sender
from swaplab_core.services.configuration.editor import StaleText
from swaplab_core.services.configuration.model_entry import ModelEntries, ModelEntry


@define(eq=False)
class ModelEntryRoutes:
    """Who is not the administrator sees the text without secrets, and no values."""

    entries: ModelEntries
    sender: Sender

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/config/form/{model:.+}", Policy.READ, self.form),
            get("/api/config/models/{model:.+}", Policy.READ, self.read),
            put("/api/config/models/{model:.+}", Policy.ADMIN, self.write),
            post("/api/config/check/{model:.+}", Policy.ADMIN, self.check),
        ]

    async def form(self, request: web.Request) -> web.Response:
        """The JSON Schema of the form for a model: the keys of its backend, and those that all have."""
        return json_response(self.entries.form(request.match_info["model"]))

    async def read(self, request: web.Request) -> web.Response:
        """The entry of a model: `{model, content, line, values, revision, redacted}`; `content` null: not a block."""
        return await self._answer(request)

    async def write(self, request: web.Request) -> web.Response:
        """Write the `content` of the entry, or the `values` of the form; `If-Match` as in the editor."""
        body, model = parse_object(await read_body(request)), request.match_info["model"]
        how: dict[str, Any] = {"author": self.sender.name(request), "based_on": if_match(request)}
        content, values = body.get("content"), body.get("values")
        try:
            if isinstance(content, str) and content.strip():
                await self.entries.write_text(model, content, **how)
            elif isinstance(values, dict):
                await self.entries.write_values(model, values, **how)
            else:
                raise InvalidRequest("the body has no content and no values", advice='send {"content": "…"}')
        except StaleText as error:
            return stale_response(error, {"revision": error.current.revision})
        return await self._answer(request)

    async def check(self, request: web.Request) -> web.Response:
        """What is wrong with this `content` in the place of the entry; lines are counted from its own first one."""
        content = text_of(parse_object(await read_body(request)), "content")
        problems = await self.entries.check(request.match_info["model"], content)
        return json_response({"problems": [problem_record(problem) for problem in problems]})

    async def _answer(self, request: web.Request) -> web.Response:
        entry = await self.entries.read(request.match_info["model"])
        body = await asyncio.to_thread(_record, entry, may_see=self.sender.may(request, Policy.ADMIN))
        return web.Response(
            body=orjson.dumps(body), content_type="application/json", headers=entity_tag(entry.revision)
        )


def _record(entry: ModelEntry, *, may_see: bool) -> dict[str, Any]:
    text = entry.text if may_see or entry.text is None else redacted(entry.text)
    return {
        "model": entry.model,
        "content": text,
        "line": entry.line,
        "values": dict(entry.values) if may_see else {},
        "revision": entry.revision,
        "redacted": not may_see,
    }
