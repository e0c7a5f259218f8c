"""A whole daemon inside the test's own event loop, with plugins that the test makes, and a client of it.

For tests of what plugins add: nothing has to be installed, and what a plugin holds can be looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from attrs import define

from swaplab_core.adapters.state_folder import StateFolder
from swaplab_core.app.files import ConfigFiles
from swaplab_core.app.lab import Lab
from swaplab_core.app.options import Options
from swaplab_core.builtin.command_backend import CommandBackend
from swaplab_core.domain.errors import ConfigError
from swaplab_core.plugin.catalogue import Catalogue


@define(eq=False)
class Answer:
    """One whole response."""

    status: int
    headers: Mapping[str, str]
    json: Any
    text: str

    @property
    def error(self) -> Any:
        """The error of a refusal."""
        return self.json["error"]


@define(eq=False)
class RunningLab:
    """The daemon, and a client that speaks as its administrator."""

    lab: Lab
    client: aiohttp.ClientSession
    config: Path

    async def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """Send one request and read the whole answer."""
        async with self.client.request(method, path, headers=headers, **options) as response:
            text = await response.text()
            value = await response.json() if "json" in response.headers.get("Content-Type", "") else None
            return Answer(response.status, response.headers, value, text)

    async def get(self, path: str, **options: Any) -> Answer:
        """Ask with GET."""
        return await self.ask("GET", path, **options)

    async def post(self, path: str, value: object = None, **options: Any) -> Answer:
        """Ask with POST and a JSON body."""
        return await self.ask("POST", path, json={} if value is None else value, **options)

    async def put(self, path: str, value: object, **options: Any) -> Answer:
        """Ask with PUT and a JSON body."""
        return await self.ask("PUT", path, json=value, **options)

    async def done(self, job: str) -> Any:
        """The record of a job when it is over."""
        await self.lab.parts.jobs.wait(job)
        return (await self.get(f"/api/jobs/{job}")).json


@contextlib.asynccontextmanager
async def running_lab(
    folder: Path, *drivers: Any, config: str = "models: {}\n", plugins: Mapping[str, object] | None = None
) -> AsyncIterator[RunningLab]:
    """Serve this configuration with these drivers and plugins; a second one in the same folder is a restart."""
    file = folder / "config.yaml"
    if not file.exists():
        file.write_text(config)
    files = ConfigFiles(file, None, Catalogue.of(CommandBackend, *drivers, plugins=plugins))
    sources = files.read()
    loaded = files.load(sources)
    if loaded.config is None:
        raise ConfigError(loaded.problems)
    options, state = Options(state_folder=folder / "state"), StateFolder(folder / "state")
    lab = Lab.build(files, sources, loaded.config, options, state)
    runner = web.AppRunner(lab.application, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        background = await lab.begin(url)
        admin = {"Authorization": f"Bearer {lab.parts.access.admin_token}", "X-Swaplab": "1"}
        async with aiohttp.ClientSession(url, headers=admin) as client:
            yield RunningLab(lab, client, file)
        for task in background:
            task.cancel()
    finally:
        lab.parts.bus.close()
        at_once = asyncio.Event()
        at_once.set()
        await lab.parts.dispatcher.close(0, at_once)
        await lab.release(runner)
