"""Actions of plugins: which there are, what one would do, and doing it."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.diagnostic import Finding
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.server.api.models import json_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.route import Endpoint, get, post
from swaplab_core.server.security.sender import Sender
from swaplab_core.server.shapes.jobs import action_record, job_record, plan_record
from swaplab_core.services.plugins.actions import Actions
from swaplab_core.services.plugins.diagnostics import Checkup, Diagnostics


@define(eq=False)
class ActionRoutes:
    """An action is called `<plugin>:<action>`; running it makes a job."""

    actions: Actions
    diagnostics: Diagnostics
    sender: Sender

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/actions", Policy.READ, self.listing),
            post("/api/actions/{action}", Policy.OPERATE, self.run),
            get("/api/diagnostics", Policy.READ, self.check),
        ]

    async def listing(self, request: web.Request) -> web.Response:
        """Every action: `?slot=`, and `?target=` to learn whether each can be run on that."""
        slot, target = request.query.get("slot"), request.query.get("target", "")
        offers = [offer for offer in self.actions.all() if slot is None or slot in offer.action.spec.slots]
        return json_response({"actions": [action_record(offer, target) for offer in offers]})

    async def run(self, request: web.Request) -> web.Response:
        """Run an action, `{input, target, start_at}`: 202 and the job. `?dry_run=1` only tells what it would do."""
        offer = self.actions.find(request.match_info["action"])
        self.sender.demand(request, offer.action.spec.policy)
        given = read_run(parse_object(await read_body(request)))
        if request.query.get("dry_run", "0") not in {"", "0", "false"}:
            return json_response(plan_record(await self.actions.plan(offer, given.pop("data"), given["target"])))
        job = await self.actions.run(offer, **given, author=self.sender.name(request))
        body = orjson.dumps({"job": job_record(job)})
        return web.Response(
            status=202, body=body, content_type="application/json", headers={"Location": f"../jobs/{job.id}"}
        )

    async def check(self, request: web.Request) -> web.Response:
        """Run the checks that plugins offer: `?plugin=`."""
        checkups = await self.diagnostics.run(request.query.get("plugin", ""))
        return json_response({"diagnostics": [checkup_record(checkup) for checkup in checkups]})


def read_run(body: dict[str, Any]) -> dict[str, Any]:
    """What to run. Raises InvalidRequest."""
    if unknown := body.keys() - {"input", "target", "start_at"}:
        raise InvalidRequest(f"there is no {', '.join(sorted(unknown))} here", advice="send input, target, start_at")
    data, target, start_at = body.get("input", {}), body.get("target", ""), body.get("start_at")
    if not isinstance(data, dict):
        raise InvalidRequest("input must be an object")
    if not isinstance(target, str):
        raise InvalidRequest("target must be a text")
    if start_at is not None and (isinstance(start_at, bool) or not isinstance(start_at, int | float)):
        raise InvalidRequest("start_at must be a number of seconds (unix time)")
    return {"data": data, "target": target, "start_at": start_at}


def checkup_record(checkup: Checkup) -> dict[str, Any]:
    """One check with its findings."""
    return {
        "id": f"{checkup.plugin}:{checkup.diagnostic.id}",
        "plugin": checkup.plugin,
        "title": checkup.diagnostic.title,
        "findings": [_finding_record(finding) for finding in checkup.findings],
    }


def _finding_record(finding: Finding) -> dict[str, Any]:
    return {
        "health": finding.health.value,
        "message": finding.message,
        "advice": finding.advice,
        "action": finding.action,
    }
