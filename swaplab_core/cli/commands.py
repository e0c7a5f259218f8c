"""The command `swaplab`.

Exit codes: 0 done · 1 it did not work (the message says why) · 2 wrong usage of the command line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from swaplab_core import __version__
from swaplab_core.cli.client import Client, show_load
from swaplab_core.cli.config_commands import config as config_group
from swaplab_core.cli.options import (
    config_file,
    modern,
    with_client,
    with_config,
    with_file,
    with_listen,
    with_rate_limit,
    with_state,
)
from swaplab_core.cli.plugin_commands import plugin_commands
from swaplab_core.domain.errors import ConfigError, SwaplabError
from swaplab_core.domain.problem import Severity

if TYPE_CHECKING:
    from swaplab_core.adapters.tls import TlsFiles

DEMO_PORTS = 8


class _Group(click.Group):
    """Turns our errors into one clear message and exit code 1."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, modern(args))

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *plugin_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or plugin_commands().get(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            _fail("\n".join(str(problem) for problem in error.problems))
        except SwaplabError as error:
            _fail(str(error))
        except KeyboardInterrupt:
            sys.exit(130)


def _fail(message: str) -> NoReturn:
    click.echo(f"swaplab: {message}", err=True)
    sys.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="swaplab")
def main() -> None:
    """Serve many models from one address; swaplab starts and stops their engines."""


main.add_command(config_group)


@main.command()
@with_config
@with_state
@with_listen
@click.option("--watch-config", is_flag=True, help="reload when a configuration file changes (SIGHUP always does)")
@click.option("--replace-at-once", is_flag=True, help="on reload, replace changed models without waiting for streams")
@click.option("--tls-cert-file", type=click.Path(path_type=Path), help="certificate with its chain (PEM): speak https")
@click.option("--tls-key-file", type=click.Path(path_type=Path), help="the certificate's key (PEM)")
@click.option("--insecure", is_flag=True, help="allow an address that other machines can reach, without keys")
@click.option("--max-body-mib", default=128, show_default=True, help="largest request body that is read")
@click.option(
    "--drain-seconds",
    type=click.FloatRange(0, 86_400),
    default=30.0,
    show_default=True,
    help="how long running requests may go on when it is asked to stop",
)
@click.option(
    "--keep-alive-seconds",
    type=click.FloatRange(0.05, 3600),
    default=10.0,
    show_default=True,
    help="how long a client that waits for a stream may hear nothing",
)
@with_rate_limit
@click.option(
    "--security-headers/--no-security-headers",
    envvar="LLAMA_SWAP_SECURITY_HEADERS",
    default=True,
    help="tell browsers to be careful with every answer; pages of swaplab's own say it in any case",
)
def serve(
    *,
    config: Path | None,
    config_dir: Path | None,
    state_dir: Path | None,
    listen: str | None,
    tls_cert_file: Path | None,
    tls_key_file: Path | None,
    watch_config: bool,
    replace_at_once: bool,
    insecure: bool,
    max_body_mib: int,
    drain_seconds: float,
    keep_alive_seconds: float,
    rate_limit_rpm: float,
    rate_limit_burst: int,
    rate_limit_ttl_seconds: float,
    security_headers: bool,
) -> None:
    """Serve the models of a configuration."""
    from swaplab_core.app.options import Options  # noqa: PLC0415 - commands that talk to a server need none of this
    from swaplab_core.cli.serving import serve_files  # noqa: PLC0415
    from swaplab_core.server.security.rate_limit import RateLimit  # noqa: PLC0415

    options = Options(
        max_body_mib,
        watch_config,
        replace_at_once,
        keep_alive_seconds,
        state_dir,
        is_insecure=insecure,
        tls=_tls(tls_cert_file, tls_key_file),
        drain_seconds=drain_seconds,
        rate_limit=RateLimit(rate_limit_rpm, rate_limit_burst, rate_limit_ttl_seconds) if rate_limit_rpm else None,
        security_headers=security_headers,
    )
    serve_files(config, config_dir, listen, options, announce=_announce)


@main.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@with_config
def check(file: Path | None, config: Path | None, config_dir: Path | None) -> None:
    """Check a configuration and print every problem with its line; FILE is short for --config FILE."""
    from swaplab_core.app.files import ConfigFiles  # noqa: PLC0415
    from swaplab_core.cli.plugin_switches import discovered  # noqa: PLC0415

    if file is not None and config is not None:
        raise click.UsageError(f"FILE and --config both name a file: {file} and {config}")
    files = ConfigFiles(file or config, config_dir, discovered(file or config, config_dir))
    loaded = files.load(files.read())
    for problem in loaded.problems:
        click.echo(str(problem))
    errors = sum(problem.severity is Severity.ERROR for problem in loaded.problems)
    warnings = len(loaded.problems) - errors
    named = " with ".join(str(path) for path in (files.file, files.folder) if path is not None)
    if loaded.config is None:
        _fail(f"{named} has {errors} error{'s' * (errors != 1)} and {warnings} warning{'s' * (warnings != 1)}")
    count = len(loaded.config.models)
    click.echo(f"{named} is good: {count} model{'s' * (count != 1)}, {warnings} warning{'s' * (warnings != 1)}")


@main.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path("swaplab-demo"), show_default=True, help="for its files"
)
@with_state
@with_listen
def demo(folder: Path, state_dir: Path | None, listen: str | None) -> None:
    """Serve two or more small models, real ones where an engine is installed."""
    from swaplab_core.adapters.listen import find_free_ports  # noqa: PLC0415
    from swaplab_core.adapters.programs import find_program  # noqa: PLC0415
    from swaplab_core.app.options import Options  # noqa: PLC0415
    from swaplab_core.cli.serving import serve_files  # noqa: PLC0415
    from swaplab_core.plugin.catalogue import Catalogue  # noqa: PLC0415
    from swaplab_core.services.demo import prepare_demo  # noqa: PLC0415

    hooks, start_port = Catalogue.discover().hooks, find_free_ports(DEMO_PORTS)
    prepared = prepare_demo(hooks, find_program, folder, start_port=start_port)
    if any(model.simulated for model in prepared.models):
        click.echo("No engine for real models was found: the models named simulated-… answer fixed texts.\n")

    def announce(url: str) -> None:
        _announce(url)
        for model in prepared.models:
            click.echo(f"  {model.id:14} {model.title}")
        click.echo(
            "\nAsk one, then the other: swaplab starts the first, stops it, and starts the second.\n\n"
            f"  {_curl_loop(url, [model.id for model in prepared.models[:2]])}\n\n"
            f"Ctrl-C stops everything. The configuration is {prepared.config}."
        )

    serve_files(prepared.config, None, listen, Options(state_folder=state_dir), announce=announce)


@main.command()
@with_client
def models(client: Client) -> None:
    """List the models of a running swaplab with their state."""
    from swaplab_core.cli.tables import print_table  # noqa: PLC0415 - rich is slow to import

    rows = [
        (m["id"], m["state"], str(m["serving"] or ""), str(m["waiting"] or ""), m["backend"], ", ".join(m["aliases"]))
        for m in client.models()
    ]
    print_table(("model", "state", "running", "waiting", "backend", "also called"), rows)


@main.command()
@click.argument("model")
@with_client
def load(model: str, client: Client) -> None:
    """Load a model now, and wait until it is ready."""
    try:
        click.echo(show_load(client, model))
    except KeyboardInterrupt:
        click.echo(f"{model} goes on loading; stop it with: swaplab unload {model}", err=True)
        raise


@main.command()
@click.argument("model", required=False)
@with_client
def unload(model: str | None, client: Client) -> None:
    """Unload a model, or all of them, and wait until they are gone."""
    client.unload(model)
    click.echo(f"{model or 'everything'} is unloaded")


@main.command()
@click.argument("model")
@with_client
def plan(model: str, client: Client) -> None:
    """Say what a request for a model would start, evict or wait for, without doing it."""
    click.echo(_describe(client.plan(model)))


@main.command()
@with_client
def ui(client: Client) -> None:
    """Print a link that logs a browser in as the administrator, once."""
    click.echo(client.login_link())


@main.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--all", "show_all", is_flag=True, help="show every fact and its effects, not only what differs")
def replay(file: Path, *, show_all: bool) -> None:
    """Tell a fresh engine what another one was told, and show where it answers otherwise.

    FILE is what GET /api/debug/engine of a running swaplab answers to the administrator; `-` reads standard input.
    """
    from swaplab_core.cli.replay import replayed  # noqa: PLC0415 - the engine is slow to import

    for line in replayed(file, show_all=show_all):
        click.echo(line)


@main.group(invoke_without_command=True)
@with_config
@click.pass_context
def plugins(context: click.Context, config: Path | None, config_dir: Path | None) -> None:
    """List what is installed, and what is wrong with it; with a configuration also what that switches off."""
    if context.invoked_subcommand is not None:
        return
    from swaplab_core.cli.plugin_switches import discovered  # noqa: PLC0415
    from swaplab_core.cli.tables import print_table  # noqa: PLC0415

    rows = [
        (r.group.removeprefix("swaplab."), r.name, r.state.value, f"{r.distribution} {r.version}", r.error)
        for r in discovered(config_file(config, config_dir, os.environ), config_dir).records
    ]
    print_table(("kind", "name", "state", "distribution", "problem"), rows)


@plugins.command()
@click.argument("names", nargs=-1)
def lint(names: Sequence[str]) -> None:
    """Check what plugins show and offer: forms, panels, modules, settings; all of them, or those named."""
    from swaplab_core.cli.lint import lint_plugins  # noqa: PLC0415 - needs the test kit

    complaints = lint_plugins(names)
    for plugin, complaint in complaints:
        click.echo(f"{plugin}: {'error' if complaint.is_error else 'hint'}: {complaint}")
    errors = sum(complaint.is_error for _, complaint in complaints)
    if errors:
        _fail(f"{errors} error{'s' * (errors != 1)}")
    click.echo(f"in order; {len(complaints)} hint{'s' * (len(complaints) != 1)}")


@plugins.command()
@click.argument("name")
@with_file
@with_client
def enable(name: str, config: Path | None, client: Client) -> None:
    """Load a plugin again, from the next start on: NAME is its distribution, or what it offers."""
    _turn(client, config, name, on=True, agree=click.echo)


@plugins.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="do not ask, even when models need the plugin")
@with_file
@with_client
def disable(name: str, config: Path | None, client: Client, *, yes: bool) -> None:
    """Load a plugin no more, from the next start on: NAME is its distribution, or what it offers."""

    def agree(need: str) -> None:
        click.echo(f"swaplab: {need}", err=True)
        if not yes:
            click.confirm("Switch it off all the same?", abort=True, err=True)

    _turn(client, config, name, on=False, agree=agree)


def _turn(client: Client, file: Path | None, name: str, *, on: bool, agree: Callable[[str], None]) -> None:
    from swaplab_core.cli.plugin_switches import turn_by_daemon, turn_in_file  # noqa: PLC0415 - slow to import

    if file is None:
        distribution = turn_by_daemon(client, name, on=on, agree=agree)
    else:
        distribution = turn_in_file(file, name, on=on, agree=agree)
    click.echo(f"{distribution} is switched {'on' if on else 'off'} when swaplab is started again")


def _announce(url: str) -> None:
    click.echo(f"swaplab serves at {url}  (models: {url}/ui/, OpenAI base URL: {url}/v1)")


def _tls(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    from swaplab_core.adapters.tls import TlsFiles  # noqa: PLC0415

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-cert-file and --tls-key-file belong together: give both")
    return TlsFiles(certificate, key)


def _curl_loop(url: str, models: Sequence[str]) -> str:
    """One line for a shell that asks one model after the other, and so makes a swap happen."""
    body = """{"model": "'$m'", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}"""
    call = f"curl -sS {url}/v1/chat/completions -H 'Content-Type: application/json' -d '{body}'"
    return f"for m in {' '.join(models)}; do {call}; echo; done"


def _describe(plan: dict[str, Any]) -> str:
    verdicts = {
        "served-now": "would be served at once",
        "after-swap": f"would be served after a swap, from place {plan['position']} in the queue",
        "after-wait": f"would be served after waiting, from place {plan['position']} in the queue",
        "refused": f"would be refused: {plan['reason']}",
    }
    lines = [f"{plan['model']} {verdicts[plan['verdict']]}"]
    lines += [f"  waits for the running requests of {name}" for name in plan["waits_for"]]
    lines += [f"  {gone['model']} goes ({gone['to']}): {gone['reason']}" for gone in plan["evictions"]]
    lines += [f"  {name} starts" for name in plan["starts"]]
    if not plan["complete"]:
        lines.append("  … the queue is too long to look further ahead")
    return "\n".join(lines)
