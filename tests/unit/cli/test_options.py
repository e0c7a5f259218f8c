"""llama-swap's way of writing a command line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from swaplab_core.cli.options import config_file, modern, with_listen, with_rate_limit


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


@pytest.mark.parametrize(
    ("rpm", "burst", "forget", "found"),
    [("", "", "", "0.0 5 600.0"), ("-1", "0", "7", "0.0 1 30.0"), ("90.5", "9", "60", "90.5 9 60.0")],
)
def test_limits_of_the_environment_that_are_too_small_are_the_smallest_and_empty_ones_are_not_set(
    rpm, burst, forget, found
):
    @click.command()
    @with_rate_limit
    def say(rate_limit_rpm, rate_limit_burst, rate_limit_ttl_seconds):
        click.echo(f"{rate_limit_rpm} {rate_limit_burst} {rate_limit_ttl_seconds}")

    names = ("RPM", "BURST", "TTL_SECONDS")
    env = {f"LLAMA_SWAP_RATE_LIMIT_{name}": value for name, value in zip(names, (rpm, burst, forget), strict=True)}
    assert CliRunner().invoke(say, env=env).output == f"{found}\n"
