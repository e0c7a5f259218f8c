"""What the documentation takes from the code is up to date, and the code has something to say."""

from __future__ import annotations

import re
import subprocess
import sys

import attrs
import click
import pytest
from repository import ROOT
from route_table import endpoints

from swaplab_core.cli import main
from swaplab_core.config.schema import Config
from swaplab_core.config.structure import fields_by_key
from swaplab_core.plugin import hookspecs
from swaplab_core.plugin.hooks import Hooks
from swaplab_core.server.plugins.routes import PluginRoute
from swaplab_core.server.route import ANY_METHOD

HOOKS = {name for name in vars(hookspecs) if name.startswith("swaplab_")}


def test_everything_written_by_scripts_docs_is_fresh():
    check = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, f"run `make docs` and commit what it writes:\n{check.stdout}{check.stderr}"


@pytest.mark.parametrize("hook", sorted(HOOKS))
@pytest.mark.parametrize("part", ["Called when:", "Arguments:", "Return:", "Example:"])
def test_every_hook_says_when_it_is_called_with_what_and_what_to_answer(hook, part):
    assert part in getattr(hookspecs, hook).__doc__


def test_every_hook_is_on_the_page_and_has_a_method_of_the_facade():
    page = (ROOT / "docs/reference/hooks.md").read_text()
    for hook in HOOKS:
        assert f"## {hook}\n" in page
        assert callable(getattr(Hooks, hook.removeprefix("swaplab_")))


def shown_routes():
    """Method and path of every route of the core and of this repository's plugins, as the page shows them."""
    ours = {folder.name.removeprefix("swaplab_") for folder in (ROOT / "plugins").glob("swaplab_*")}
    for endpoint in endpoints():
        served = getattr(endpoint.handler, "__self__", None)
        path = endpoint.plain_path
        if isinstance(served, PluginRoute):
            if served.plugin not in ours:
                continue
            path = (served.route.public_path or path).replace(":path}", "}")
        yield "any" if endpoint.method == ANY_METHOD else endpoint.method, path


def test_the_page_of_http_has_every_route_of_the_core_and_of_every_plugin_with_what_it_does():
    rows = re.findall(
        r"^\| (\w+) \| `(\S+)` \| \w+ \| (.+) \|$", (ROOT / "docs/reference/http.md").read_text(), re.MULTILINE
    )
    listed = {(method, path): does.strip() for method, path, does in rows}
    shown = set(shown_routes())
    assert {path.split("/")[3] for _, path in shown if path.startswith("/api/plugins/")} >= {"cluster", "docker", "hub"}
    assert {route for route in shown if not listed.get(route)} == set()
    assert set(listed) - shown == set()


def classes_of_the_file(cls=Config):
    """Every class that reads a mapping of the file."""
    yield cls
    for field in fields_by_key(cls).values():
        for inner in inner_classes(field.type):
            yield from classes_of_the_file(inner)


def inner_classes(type_):
    if attrs.has(type_):
        yield type_
    for argument in getattr(type_, "__args__", ()):
        yield from inner_classes(argument)


@pytest.mark.parametrize("cls", sorted(set(classes_of_the_file()), key=lambda cls: cls.__name__))
def test_every_key_of_the_file_says_what_it_means(cls):
    silent = [key for key, field in fields_by_key(cls).items() if not field.metadata.get("help")]
    assert not silent


def commands(command=main, path="swaplab"):
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(child, f"{path} {name}")


@pytest.mark.parametrize(("path", "command"), list(commands()))
def test_every_command_and_option_says_what_it_does(path, command):
    assert command.help, path
    assert all(option.help for option in command.params if isinstance(option, click.Option)), path
