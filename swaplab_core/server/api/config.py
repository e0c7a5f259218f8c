"""The configuration file in the editor: its text, what a change would mean, its history and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web
from attrs import define

from swaplab_core.config.diff import Difference
from swaplab_core.config.redact import redacted
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Severity
from swaplab_core.domain.revision import Revision
from swaplab_core.engine import Phase
from swaplab_core.server.api.models import json_response
from swaplab_core.server.api.revisions import entity_tag, if_match, stale_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.errors import problem_record
from swaplab_core.server.route import Endpoint, get, post, put
from swaplab_core.server.security.sender import Sender
from swaplab_core.services.configuration.editor import ConfigEditor, ConfigText, StaleText
from swaplab_core.services.models.lifecycle import Models


@define(eq=False)
class ConfigRoutes:
    """`content` is the raw text of the file. Who is not the administrator sees it without secrets."""

    editor: ConfigEditor
    models: Models
    sender: Sender
    schema_of_file: Callable[[], dict[str, Any]]

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/config/editor", Policy.READ, self.read),
            put("/api/config/editor", Policy.ADMIN, self.write),
            post("/api/config/validate", Policy.READ, self.validate),
            get("/api/config/history", Policy.READ, self.history),
            get("/api/config/history/{revision}", Policy.READ, self.revision),
            post("/api/config/restore", Policy.ADMIN, self.restore),
            get("/api/config/schema", Policy.READ, self.schema),
        ]

    async def read(self, request: web.Request) -> web.Response:
        """The file: `{path, content, updatedAt, revision, redacted}`."""
        return await self._answer(request, await self.editor.current())

    async def write(self, request: web.Request) -> web.Response:
        """Write `{content, reason?}` and put it in force; with `If-Match` only if nobody else was faster."""
        body = parse_object(await read_body(request))
        content = text_of(body, "content")
        author, reason = self.sender.name(request), str(body.get("reason") or "edited")
        running = self._running()
        try:
            difference = await self.editor.save(content, author=author, reason=reason, based_on=if_match(request))
        except StaleText as error:
            return stale_response(error, await self._record(request, error.current))
        return await self._answer(request, await self.editor.current(), changes_record(difference, running))

    async def validate(self, request: web.Request) -> web.Response:
        """What `{content}` would mean: problems with their lines, and which models would restart."""
        checked = await self.editor.check(text_of(parse_object(await read_body(request)), "content"))
        changes = None if checked.difference is None else changes_record(checked.difference, self._running())
        problems = [problem_record(problem) for problem in checked.problems]
        is_good = not any(problem.severity is Severity.ERROR for problem in checked.problems)
        return json_response({"ok": is_good, "problems": problems, "changes": changes})

    async def schema(self, _: web.Request) -> web.Response:
        """The JSON Schema of the file, with the keys of the installed backends and plugins."""
        return json_response(self.schema_of_file())

    async def history(self, _: web.Request) -> web.Response:
        """The revisions that are kept, newest first."""
        revisions = await self.editor.revisions()
        return json_response({"revisions": [_revision_record(revision) for revision in revisions]})

    async def revision(self, request: web.Request) -> web.Response:
        """The text of a revision."""
        revision = request.match_info["revision"]
        content = await self.editor.text_of(revision)
        may_see = self.sender.may(request, Policy.ADMIN)
        shown = content if may_see else await asyncio.to_thread(redacted, content)
        return json_response({"revision": revision, "content": shown, "redacted": not may_see})

    async def restore(self, request: web.Request) -> web.Response:
        """Write `{revision}` once more, as a new revision."""
        body = parse_object(await read_body(request))
        running = self._running()
        try:
            difference = await self.editor.restore(
                text_of(body, "revision"), author=self.sender.name(request), based_on=if_match(request)
            )
        except StaleText as error:
            return stale_response(error, await self._record(request, error.current))
        return await self._answer(request, await self.editor.current(), changes_record(difference, running))

    async def _answer(
        self, request: web.Request, text: ConfigText, changes: dict[str, Any] | None = None
    ) -> web.Response:
        record = await self._record(request, text)
        if changes is not None:
            record["changes"] = changes
        return web.Response(
            body=orjson.dumps(record), content_type="application/json", headers=entity_tag(text.revision)
        )

    async def _record(self, request: web.Request, text: ConfigText) -> dict[str, Any]:
        may_see = self.sender.may(request, Policy.ADMIN)
        return {
            "path": str(text.path),
            "content": text.content if may_see else await asyncio.to_thread(redacted, text.content),
            "updatedAt": _iso(text.updated_at),
            "revision": text.revision,
            "redacted": not may_see,
        }

    def _running(self) -> frozenset[ModelId]:
        """The models that hold a process."""
        slots = self.models.dispatcher.engine.slots.items()
        return frozenset(model for model, slot in slots if slot.phase not in {Phase.STOPPED, Phase.STOPPING})


def changes_record(difference: Difference, running: frozenset[ModelId]) -> dict[str, Any]:
    """What changes; `restarts` are the models that ran and must begin anew, `stops` those that ran and go."""
    return {
        "added": sorted(difference.added),
        "removed": sorted(difference.removed),
        "changed": sorted(difference.changed),
        "adjusted": sorted(difference.retuned),
        "restarts": sorted(difference.changed & running),
        "stops": sorted(difference.removed & running),
        "policy": difference.is_policy_changed,
        "sections": sorted(difference.sections),
    }


def text_of(body: dict[str, Any], key: str) -> str:
    """A text that must be in the body. Raises InvalidRequest."""
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"the body has no {key}", advice=f'send {{"{key}": "…"}}')
    return value


def _revision_record(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.id,
        "time": _iso(revision.time),
        "author": revision.author,
        "reason": revision.reason,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
