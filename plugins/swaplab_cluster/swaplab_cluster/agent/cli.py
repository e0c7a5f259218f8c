"""The command `swaplab-agent`."""

from __future__ import annotations

import ipaddress
import os
import secrets
import signal
import stat
import time
from pathlib import Path

import click
from aiohttp import web

from swaplab_cluster.agent.runs import Runs
from swaplab_cluster.agent.server import Agent
from swaplab_cluster.agent.signing import Doorkeeper
from swaplab_cluster.agent.tls import ensure_certificate, fingerprint, server_context
from swaplab_cluster.inventory import DEFAULT_AGENT_PORT, Rdma
from swaplab_cluster.inventory_file import is_true

SHORTEST_TOKEN = 16
FOLDER = "~/.config/swaplab-agent"


@click.group(invoke_without_command=True)
@click.option(
    "--listen",
    envvar="LLAMA_SWAP_AGENT_LISTEN",
    default=f":{DEFAULT_AGENT_PORT}",
    show_default=True,
    help="Address and port.",
)
@click.option(
    "--token-file",
    envvar="LLAMA_SWAP_AGENT_TOKEN_FILE",
    type=click.Path(path_type=Path),
    help="File with the token, for its owner only.",
)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    help="A program that may be run: its name, its path, or a folder with / at its end.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=None,
    help=f"Where key and certificate are kept, {FOLDER} by default.",
)
@click.option("--plain", is_flag=True, help="Speak HTTP without TLS; on a loopback address only.")
@click.pass_context
def main(
    context: click.Context,
    listen: str,
    token_file: Path | None,
    allowed: tuple[str, ...],
    folder: Path | None,
    *,
    plain: bool,
) -> None:
    """Run engines and commands on this node for swaplab's control host."""
    folder = folder or Path(FOLDER).expanduser()
    context.obj = folder
    if context.invoked_subcommand is not None:
        return
    host, port = _address(listen)
    token = _token(token_file)
    if token is None and not _is_loopback(host):
        raise click.ClickException(
            f"without a token the agent listens on loopback only, and {host or 'every address'} is none: "
            "make one with `swaplab-agent token FILE` and give --token-file FILE"
        )
    if plain and not _is_loopback(host):
        raise click.ClickException(f"--plain is for loopback addresses, and {host or 'every address'} is none")
    _serve(host, port, token, (*allowed, *_listed("SWAPLAB_AGENT_ALLOW")), None if plain else folder)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def token(file: Path) -> None:
    """Write a new token to FILE, which only its owner can read."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as written:
        written.write(secrets.token_urlsafe(32) + "\n")
    click.echo(f"The token is in {file}.")


@main.command()
@click.pass_obj
def pin(folder: Path) -> None:
    """Make the certificate if there is none, and print its sha256, which the control host pins."""
    ensure_certificate(folder)
    click.echo(fingerprint(folder))


def _serve(host: str, port: int, token: bytes | None, allowed: tuple[str, ...], tls: Path | None) -> None:
    instance = secrets.token_hex(16)
    door = Doorkeeper(token, instance, time.time) if token else None
    agent = Agent(Runs(time.monotonic), door, instance, allowed, _rdma())
    context = None
    if tls is not None:
        ensure_certificate(tls)
        context = server_context(tls)
        click.echo(f"The certificate's sha256 is {fingerprint(tls)}.")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def say(line: str) -> None:
        click.echo(line)

    web.run_app(
        agent.application(),
        host=host or None,
        port=port,
        ssl_context=context,
        print=lambda *_: say(f"swaplab-agent listens on {host or '*'} port {port}"),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=2.0,
    )


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise click.ClickException(f"--listen {listen!r} is no address: write HOST:PORT or :PORT")
    return host.strip("[]"), int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token(file: Path | None) -> bytes | None:
    """The token. A file that others may read is refused: it would be no secret."""
    if file is None:
        return _checked(os.environ.get("LLAMA_SWAP_AGENT_TOKEN", ""), "LLAMA_SWAP_AGENT_TOKEN")
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"the token cannot be read from {file}: {error}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise click.ClickException(f"{file} can be read by others: chmod 600 {file}")
    token = _checked(text, str(file))
    if token is None:
        raise click.ClickException(f"{file} is empty: make a token with `swaplab-agent token FILE`")
    return token


def _checked(text: str, source: str) -> bytes | None:
    token = text.strip().encode()
    if token and len(token) < SHORTEST_TOKEN:
        raise click.ClickException(f"the token in {source} is shorter than {SHORTEST_TOKEN} characters")
    return token or None


def _listed(variable: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in os.environ.get(variable, "").split(",") if word.strip())


def _rdma() -> Rdma:
    return Rdma(
        bool(is_true(os.environ.get("LLAMA_SWAP_CLUSTER_RDMA_REQUIRED", ""))),
        os.environ.get("LLAMA_SWAP_CLUSTER_RDMA_ETH_IF", "").strip(),
        _listed("LLAMA_SWAP_CLUSTER_RDMA_IB_IF"),
    )
