"""docs/reference/cli.md: every command with its arguments and options."""

from __future__ import annotations

from collections.abc import Iterator

import click

from reference.markdown import code, sentence, table
from swaplab_core.cli import main

INTRODUCTION = """\
# Commands

Exit codes: 0 done · 1 it did not work, and one line says why and what to do · 2 wrong usage of the command line.
`swaplab COMMAND --help` shows the same on the terminal.
"""


def page() -> str:
    """Write the page."""
    sections = [_section(path, command) for path, command in _commands("swaplab", main)]
    return "\n".join([INTRODUCTION, *sections])


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, child in sorted(command.commands.items()):
            yield from _commands(f"{path} {name}", child)
    else:
        yield path, command


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    options = [_row(option, context) for option in command.params if isinstance(option, click.Option)]
    text = f"## {path}\n\n{sentence(command.help or '')}\n\n```\n{usage}\n```\n"
    return f"{text}\n{table(('option', 'meaning', 'default'), options)}" if options else text


def _row(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    names = ", ".join(code(name) for name in option.opts)
    value = "" if option.is_flag else f" {code(option.make_metavar(context))}"
    default = "" if option.is_flag or not option.show_default else code(_default(option))
    variable = f" Environment: {code(option.envvar)}." if option.envvar else ""
    return names + value, sentence(option.help or "") + variable, default


def _default(option: click.Option) -> object:
    """What the help shows: a text where the default follows from something else."""
    return option.show_default if isinstance(option.show_default, str) else option.default
