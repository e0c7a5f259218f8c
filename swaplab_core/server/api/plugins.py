"""What is installed, how it fares, and whether the next start loads it."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin.catalogue import PluginRecord
from swaplab_core.server.api.models import json_response
from swaplab_core.server.api.revisions import entity_tag, if_match, stale_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.route import Endpoint, get, put
from swaplab_core.server.security.sender import Sender
from swaplab_core.services.configuration.editor import StaleText
from swaplab_core.services.plugins.switches import PluginSwitches, Switch


@define(eq=False)
class PluginRoutes:
    """One record for each entry point, broken ones with their error. `enabled`: the next start loads it."""

    switches: PluginSwitches
    sender: Sender

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/plugins", Policy.READ, self.listing),
            put("/api/plugins/{plugin}/switch", Policy.ADMIN, self.turn),
        ]

    async def listing(self, _: web.Request) -> web.Response:
        """Every plugin."""
        switches = self.switches.all()
        return json_response({"plugins": self._records(*switches.values())})

    async def turn(self, request: web.Request) -> web.Response:
        """Switch a plugin off or on from the next start on, `{enabled, anyway?}`; `If-Match` as in the editor."""
        on, anyway = read_turn(parse_object(await read_body(request)))
        name, author = request.match_info["plugin"], self.sender.name(request)
        try:
            switch, revision = await self.switches.set(
                name, on=on, anyway=anyway, author=author, based_on=if_match(request)
            )
        except StaleText as error:
            return stale_response(error, {"revision": error.current.revision})
        body = orjson.dumps({"plugins": self._records(switch)})
        return web.Response(body=body, content_type="application/json", headers=entity_tag(revision))

    def _records(self, *switches: Switch) -> list[dict[str, Any]]:
        of = {switch.distribution: switch for switch in switches}
        records = [record for record in self.switches.catalogue.records if record.distribution in of]
        return [plugin_record(record) | switch_record(of[record.distribution]) for record in records]


def read_turn(body: dict[str, Any]) -> tuple[bool, bool]:
    """Read `enabled` and `anyway`. Raises InvalidRequest."""
    if unknown := body.keys() - {"enabled", "anyway"}:
        raise InvalidRequest(f"there is no {', '.join(sorted(unknown))} here", advice="send enabled, anyway")
    on, anyway = body.get("enabled"), body.get("anyway", False)
    if not isinstance(on, bool) or not isinstance(anyway, bool):
        raise InvalidRequest("enabled must be true or false, and anyway too where it is given")
    return on, anyway


def plugin_record(record: PluginRecord) -> dict[str, Any]:
    """One record as JSON."""
    return {
        "group": record.group,
        "name": record.name,
        "target": record.target,
        "distribution": record.distribution,
        "version": record.version,
        "state": record.state.value,
        "error": record.error,
        "hooks": list(record.hooks),
    }


def switch_record(switch: Switch) -> dict[str, Any]:
    """What can be done with it: `fixed` cannot be switched off."""
    return {"enabled": switch.is_on, "fixed": switch.is_fixed, "needed_by": list(switch.needed_by)}
