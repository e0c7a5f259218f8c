"""llama-swap's way of writing a command line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from swaplab_core.cli.options import config_file, modern, with_listen


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("-config c.yaml -listen :8080 -watch-config", "serve --config c.yaml --listen :8080 --watch-config"),
        ("--config=c.yaml", "serve --config=c.yaml"),
        ("-listen=:80 -config-dir d", "serve --listen=:80 --config-dir d"),
        ("-tls-cert-file c -tls-key-file k -config f", "serve --tls-cert-file c --tls-key-file k --config f"),
        ("serve -config c.yaml", "serve --config c.yaml"),
        ("-version", "--version"),
        ("serve -c c.yaml", "serve -c c.yaml"),
        ("config convert c.yaml", "config convert c.yaml"),
        ("--help", "--help"),
        ("-h", "-h"),
        ("", ""),
    ],
)
def test_one_dash_is_as_good_as_two_and_serve_need_not_be_said(written, meant):
    assert modern(written.split()) == meant.split()


@pytest.mark.parametrize(
    ("config", "folder", "variable", "found"),
    [
        (None, None, "/old/config.yaml", "/old/config.yaml"),
        ("mine.yaml", None, "/old/config.yaml", "mine.yaml"),
        (None, "conf.d", "/old/config.yaml", None),
        (None, None, " ", None),
    ],
)
def test_the_variable_names_the_file_where_nothing_else_does(config, folder, variable, found):
    named = config_file(config and Path(config), folder and Path(folder), {"LLAMA_SWAP_CONFIG_PATH": variable})
    assert named == (found and Path(found))


@pytest.mark.parametrize(("written", "found"), [([], ":81"), (["--listen", ":82"], ":82")])
def test_the_variable_says_where_to_listen_unless_the_command_line_does(written, found):
    @click.command()
    @with_listen
    def say(listen):
        click.echo(listen)

    assert CliRunner().invoke(say, written, env={"LLAMA_SWAP_LISTEN": ":81"}).output == f"{found}\n"
