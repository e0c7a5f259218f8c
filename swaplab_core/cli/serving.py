"""What `swaplab serve` and `swaplab demo` share: from files and options to a server that runs until its end."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import attrs
import click

from swaplab_core.adapters.listen import Address, parse_address, require_safe
from swaplab_core.adapters.state_folder import StateFolder, default_state_folder
from swaplab_core.app.files import ConfigFiles
from swaplab_core.app.lab import Lab
from swaplab_core.app.life import serve as serve_lab
from swaplab_core.app.options import Options
from swaplab_core.cli.options import DEFAULT_LISTEN, DEFAULT_LISTEN_TLS, config_file
from swaplab_core.cli.plugin_switches import discovered
from swaplab_core.domain.errors import ConfigError


def serve_files(
    config: Path | None,
    config_dir: Path | None,
    listen: str | None,
    options: Options,
    *,
    announce: Callable[[str], None],
) -> None:
    """Serve until the process is told to end; `announce` is given the url. Raises ConfigError, StateFolderInUse."""
    address = parse_address(listen or (DEFAULT_LISTEN_TLS if options.tls else DEFAULT_LISTEN))
    file = config_file(config, config_dir, os.environ)
    files = ConfigFiles(file, config_dir, discovered(file, config_dir))
    sources = files.read()
    loaded = files.load(sources)
    if loaded.config is None:
        raise ConfigError(loaded.problems)  # also the warnings: a key that is unknown may be the one that is missing
    checked = loaded.config
    require_safe(address, has_keys=bool(checked.api_keys), insecure=options.is_insecure)
    exposed = attrs.evolve(options, host=address.host, is_exposed=not address.is_loopback)
    state = StateFolder(options.state_folder or default_state_folder(files.file or files.folder), click.echo)

    async def run() -> None:
        lab = Lab.build(files, sources, checked, exposed, state)
        for problem in [*loaded.problems, *filter(None, [state.problem])]:
            logging.getLogger("swaplab").warning("%s", problem)

        def listening(bound: Address) -> None:
            announce(bound.url)
            if not checked.models:
                click.echo(f"There are no models yet: write some into {files.file or files.folder}, or use the pages.")
            click.echo(f"Manage it, with this link once, within 15 minutes: {bound.url}{lab.login_path()}")

        await serve_lab(lab, address, listening)

    _run(run())


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it is installed: it halves the cost of each chunk."""
    uvloop = importlib.util.find_spec("uvloop") and importlib.import_module("uvloop")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uvloop else None) as runner:
        runner.run(work)
