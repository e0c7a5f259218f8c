"""Options that several commands share, and llama-swap's way of writing them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from swaplab_core.adapters.admin_token import TokenFolder
from swaplab_core.adapters.state_folder import state_home
from swaplab_core.cli.client import Client

DEFAULT_LISTEN = "127.0.0.1:8080"
DEFAULT_LISTEN_TLS = "127.0.0.1:8443"

_CONFIG = (
    click.option("--config", "-c", type=click.Path(path_type=Path), help="configuration file"),
    click.option("--config-dir", type=click.Path(path_type=Path), help="folder of configuration files"),
)
_URL = click.option(
    "--url", envvar="SWAPLAB_URL", default=f"http://{DEFAULT_LISTEN}", show_default=True, help="the running swaplab"
)
with_state = click.option(
    "--state-dir",
    envvar="SWAPLAB_STATE_DIR",
    type=click.Path(path_type=Path),
    help="folder for jobs, history and the admin token; by default below ~/.local/state/swaplab",
)
with_listen = click.option(
    "--listen",
    envvar="LLAMA_SWAP_LISTEN",
    show_default=f"{DEFAULT_LISTEN}, with TLS {DEFAULT_LISTEN_TLS}",
    help="address to serve on",
)


def with_config(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `config` and `config_dir`."""
    for option in reversed(_CONFIG):
        command = option(command)
    return command


_RATE_LIMIT = (
    click.option(
        "--rate-limit-rpm",
        envvar="LLAMA_SWAP_RATE_LIMIT_RPM",
        type=click.FloatRange(0.0, clamp=True),
        default=0.0,
        help="requests to models a minute that one client may make; 0: any number",
    ),
    click.option(
        "--rate-limit-burst",
        envvar="LLAMA_SWAP_RATE_LIMIT_BURST",
        type=click.IntRange(1, clamp=True),
        default=5,
        show_default=True,
        help="so many of them may come at once",
    ),
    click.option(
        "--rate-limit-ttl-seconds",
        envvar="LLAMA_SWAP_RATE_LIMIT_TTL_SECONDS",
        type=click.FloatRange(30.0, clamp=True),
        default=600.0,
        show_default=True,
        help="how long a client that asks nothing is remembered",
    ),
)


def with_rate_limit(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `rate_limit_rpm`, `rate_limit_burst` and `rate_limit_ttl_seconds`."""
    for option in reversed(_RATE_LIMIT):
        command = option(command)
    return command


with_file = click.option(
    "--config", "-c", type=click.Path(path_type=Path), help="change this file, without the daemon that may serve it"
)


def config_file(config: Path | None, config_dir: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The file that was named, or the one of the variable where neither file nor folder was."""
    variable = environment.get("LLAMA_SWAP_CONFIG_PATH", "").strip()
    return config if config or config_dir or not variable else Path(variable).expanduser()


def with_client(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `client`, which speaks to the running swaplab with the best key there is."""

    @_URL
    @with_state
    @functools.wraps(command)
    def connected(*, url: str, state_dir: Path | None, **values: object) -> None:
        tokens = TokenFolder(state_dir or state_home())
        command(client=Client.of(url, tokens, os.environ), **values)

    return connected


_LLAMA_SWAP = ("config", "config-dir", "listen", "tls-cert-file", "tls-key-file", "version", "watch-config")


def modern(arguments: Sequence[str]) -> list[str]:
    """Write llama-swap's flags with two dashes; it takes one as well, and has no commands: `-config FILE` serves."""
    written = [_with_two_dashes(argument) for argument in arguments]
    if written and written[0].partition("=")[0] in {f"--{flag}" for flag in _LLAMA_SWAP if flag != "version"}:
        return ["serve", *written]
    return written


def _with_two_dashes(argument: str) -> str:
    name = argument.partition("=")[0]
    return f"-{argument}" if name in {f"-{flag}" for flag in _LLAMA_SWAP} else argument
