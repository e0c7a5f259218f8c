"""The route table of the real application, plugins included, for tests that are made from it."""

from __future__ import annotations

import asyncio
import functools
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from swaplab_core.adapters.state_folder import StateFolder
from swaplab_core.app.files import ConfigFiles
from swaplab_core.app.lab import Lab
from swaplab_core.app.options import Options
from swaplab_core.config.load import Source
from swaplab_core.domain.access import Policy
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.server.route import ANY_METHOD, ROUTES, Endpoint

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE")


@frozen
class Served:
    """One method of one route; `path` has its variable parts filled in."""

    method: str
    path: str
    policy: Policy

    @property
    def changes(self) -> bool:
        """Whether the method is one that may change something."""
        return self.method not in {"GET", "HEAD"}


def sample(table: Iterable[Served]) -> list[Served]:
    """One route for each policy and method: for the second and later ways to ask what was asked of every route."""
    return list({(served.policy, served.method): served for served in table}.values())


@functools.cache
def endpoints() -> tuple[Endpoint, ...]:
    """Every route, as it was declared."""

    async def build() -> Lab:
        files = ConfigFiles(Path("config.yaml"), None, Catalogue.discover())
        sources = [Source("config.yaml", "models: {}\n")]
        config = files.load(sources).config
        assert config is not None
        with tempfile.TemporaryDirectory() as folder:
            state = StateFolder(Path(folder))
            try:
                return Lab.build(files, sources, config, Options(), state)
            finally:
                state.close()

    return tuple(asyncio.run(build()).application[ROUTES])


@functools.cache
def route_table() -> tuple[Served, ...]:
    """Every method of every route."""
    return tuple(
        Served(method, re.sub(r"\{\w+\}", "m", endpoint.plain_path), endpoint.policy)
        for endpoint in endpoints()
        for method in (METHODS if endpoint.method == ANY_METHOD else endpoint.methods)
    )
