"""The files of a configuration, and what the installed backends say about them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from swaplab_core.adapters.files import read_sources
from swaplab_core.adapters.shell_syntax import check_shell_text
from swaplab_core.adapters.store_place import check_store_place
from swaplab_core.config.json_schema import json_schema
from swaplab_core.config.load import Loaded, Source, load
from swaplab_core.config.schema import BackendSchema, nothing
from swaplab_core.domain.ids import ModelId
from swaplab_core.plugin.abilities import NeedsOptions, RefusesFields, RunsRecipes
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.plugin.interface import Backend
from swaplab_core.runtime.scheduling import check_policy
from swaplab_core.services.plugins.checks import check_plugins
from swaplab_core.services.plugins.switches import check_switches


def backend_schemas(backends: Mapping[str, Backend]) -> dict[str, BackendSchema]:
    """What the loader must know of each installed backend."""
    return {name: _schema(backend) for name, backend in backends.items()}


def file_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The JSON Schema of a configuration file, with what the installed backends and plugins add."""
    return json_schema(backend_schemas(catalogue.backends), catalogue.hooks.config_section())


def _schema(backend: Backend) -> BackendSchema:
    return BackendSchema(
        backend.options,
        backend.needs_port,
        runs_recipes=isinstance(backend, RunsRecipes),
        drop_fields=backend.refused_fields if isinstance(backend, RefusesFields) else (),
        needed=backend.needed if isinstance(backend, NeedsOptions) else nothing,
    )


@frozen
class ConfigFiles:
    """The files of a configuration, and what is needed to check them."""

    file: Path | None
    folder: Path | None
    catalogue: Catalogue

    def read(self) -> Sequence[Source]:
        """Read them. Raises ConfigError when one cannot be read."""
        return read_sources(self.file, self.folder)

    def load(self, sources: Sequence[Source], keep_ports: Mapping[ModelId, int] | None = None) -> Loaded:
        """Check them, eviction policy and what plugins know included; `keep_ports` are the ports that models have."""
        loaded = load(
            sources,
            environment=os.environ,
            backends=backend_schemas(self.catalogue.backends),
            sections=self.catalogue.hooks.config_section(),
            keep_ports=keep_ports or {},
            off=self.catalogue.off,
        )
        checked = check_plugins(check_shell_text(check_store_place(check_policy(loaded))), self.catalogue.hooks)
        return check_switches(checked, self.catalogue.records)
