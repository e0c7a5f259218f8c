"""`swaplab config …`: the schema for editors, and the way from an old file to the strict form."""

from __future__ import annotations

import json
from pathlib import Path

import click

from swaplab_core.domain.errors import ConfigError


@click.group()
def config() -> None:
    """Help with configuration files."""


@config.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, with the keys of every installed backend."""
    from swaplab_core.app.files import backend_schemas  # noqa: PLC0415 - only what the command needs
    from swaplab_core.config.json_schema import json_schema  # noqa: PLC0415
    from swaplab_core.plugin.catalogue import Catalogue  # noqa: PLC0415

    catalogue = Catalogue.discover()
    click.echo(
        json.dumps(
            json_schema(backend_schemas(catalogue.backends), catalogue.hooks.config_section()),
            indent=2,
            ensure_ascii=False,
        )
    )


@config.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path), help="write here instead of to standard output")
def convert(old: Path, output: Path | None) -> None:
    """Write the strict form of an old file, and tell what was changed.

    Anchors, merge keys, flow style and older shapes are rewritten; macros and comments stay. The old file is untouched.
    """
    from swaplab_core.adapters.files import read_sources  # noqa: PLC0415
    from swaplab_core.config.convert import convert as convert_source  # noqa: PLC0415

    (source,) = read_sources(old, None)
    converted = convert_source(source)
    if converted.text is None:
        raise ConfigError(converted.problems)
    for change in converted.changes or ("nothing had to be changed",):
        click.echo(change, err=True)
    if output is None:
        click.echo(converted.text, nl=False)
    else:
        output.write_text(converted.text, encoding="utf-8")
        click.echo(f"written to {output}", err=True)
