"""The configuration as forms: values put into a text line by line, and what a model of that text would run.

Nothing here writes: the text that comes out is the editor's, to be reviewed and saved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core.config.edit import document, rewrite
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.server.api.config import text_of
from swaplab_core.server.api.models import json_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.route import Endpoint, post
from swaplab_core.services.configuration.preview import ConfigPreview, preview_record


@define(eq=False)
class ConfigFormRoutes:
    """Texts come with the request. What a model would run is for the administrator: it tells of the environment."""

    preview: ConfigPreview

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            post("/api/config/rewrite", Policy.READ, self.rewrite),
            post("/api/config/resolve", Policy.ADMIN, self.resolve),
        ]

    async def rewrite(self, request: web.Request) -> web.Response:
        """What `{content}` says as a document; with `{document}` the text that says so, its comments kept."""
        body = parse_object(await read_body(request))
        content, wanted = text_of(body, "content"), body.get("document")
        if wanted is not None and not isinstance(wanted, dict):
            raise InvalidRequest("document must be an object", advice="send what this route answered, changed")
        text, said = await asyncio.to_thread(_rewritten, content, wanted)
        return json_response({"content": text, "document": said})

    async def resolve(self, request: web.Request) -> web.Response:
        """What `{model}` of `{content}` becomes: its entry without macros, and the command that would be run."""
        body = parse_object(await read_body(request))
        content, model = text_of(body, "content"), text_of(body, "model")
        return json_response(preview_record(model, await self.preview.of(content, model)))


def _rewritten(content: str, wanted: Mapping[str, Any] | None) -> tuple[str, Mapping[str, Any]]:
    if wanted is None:
        return content, document(content)
    return rewrite(content, wanted), wanted
