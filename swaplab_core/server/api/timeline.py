"""The swap timeline: which model was loading, ready, asleep, and why it had to go."""

from __future__ import annotations

import time

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.runtime.timeline import Timeline
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, get

LONGEST_SECONDS = 7 * 24 * 3600.0


@define(eq=False)
class TimelineRoutes:
    """Read only."""

    timeline: Timeline

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/timeline", Policy.READ, self.changes)]

    async def changes(self, request: web.Request) -> web.Response:
        """The phases of the last `?seconds=` (by default an hour), oldest first; `now` is the server's clock."""
        now = time.time()
        changes = self.timeline.since(now - _seconds(request.query.get("seconds", "3600")))
        return json_response(
            {
                "now": now,
                "changes": [
                    {"at": change.at, "model": change.model, "state": change.phase.value, "because": change.because}
                    for change in changes
                ],
            }
        )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise InvalidRequest(f"seconds must be a number, not {text[:40]!r}") from None
    if not 0 < seconds <= LONGEST_SECONDS:
        raise InvalidRequest(f"seconds must be above 0 and at most {LONGEST_SECONDS:.0f}, not {text[:40]!r}")
    return seconds
