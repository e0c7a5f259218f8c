"""The diagnostics bundle: one file to attach to a report, without secrets."""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import Iterator
from typing import Any

from aiohttp import web
from attrs import define

from swaplab_core import __version__
from swaplab_core.config.redact import redacted
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.runtime.hardware import HardwareInventory
from swaplab_core.runtime.logbook import PROXY, UPSTREAM, LogBook
from swaplab_core.server.api.actions import checkup_record
from swaplab_core.server.api.performance import hardware_record
from swaplab_core.server.api.plugins import plugin_record
from swaplab_core.server.route import Endpoint, get
from swaplab_core.server.shapes.projections import Projections
from swaplab_core.services.bundle import bundle
from swaplab_core.services.configuration.editor import ConfigEditor
from swaplab_core.services.plugins.diagnostics import Diagnostics

LOG_LINES = 2000


@define(eq=False)
class BundleRoutes:
    """Reads everything, changes nothing."""

    show: Projections
    catalogue: Catalogue
    diagnostics: Diagnostics
    editor: ConfigEditor
    hardware: HardwareInventory
    logs: LogBook

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [get("/api/diagnostics/bundle", Policy.READ, self.download)]

    async def download(self, _: web.Request) -> web.Response:
        """Versions, plugins, checks, configuration, models, machine, jobs and the end of the log, as a ZIP archive."""
        parts = await self._parts()
        body = await asyncio.to_thread(bundle, parts, list(self._secrets()))
        headers = {"Content-Disposition": 'attachment; filename="swaplab-diagnostics.zip"', "Cache-Control": "no-store"}
        return web.Response(body=body, content_type="application/zip", headers=headers)

    async def _parts(self) -> dict[str, Any]:
        machine = await self.hardware.snapshot()
        return {
            "version.json": {"swaplab": __version__, "python": sys.version, "platform": platform.platform()},
            "plugins.json": [plugin_record(record) for record in self.catalogue.records],
            "checks.json": [checkup_record(checkup) for checkup in await self.diagnostics.run()],
            "config.yaml": await self._config(),
            "models.json": self.show.models(),
            "jobs.json": self.show.jobs(),
            "hardware.json": hardware_record(machine) if machine else None,
            "proxy.log": self._log(PROXY),
            "upstream.log": self._log(UPSTREAM),
        }

    async def _config(self) -> str:
        try:
            return await asyncio.to_thread(redacted, (await self.editor.current()).content)
        except SwaplabError as error:
            return f"# {error}\n"

    def _log(self, source: str) -> str:
        page = self.logs.history(source).page(limit=LOG_LINES)
        return "".join(f"{line.text}\n" for line in page.lines)

    def _secrets(self) -> Iterator[str]:
        config = self.show.config()
        yield from (key if isinstance(key, str) else key.key for key in config.api_keys)
        yield from (peer.api_key for peer in config.peers.values() if peer.api_key)
