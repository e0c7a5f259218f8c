"""The pages that people read: links lead somewhere, commands exist, configurations load."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from repository import ROOT, Block, blocks, headings, pages, prose

from swaplab_core.app.files import backend_schemas
from swaplab_core.cli import main
from swaplab_core.config.load import Source, load
from swaplab_core.plugin.catalogue import Catalogue

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]
MAKEFILE = (ROOT / "Makefile").read_text()
ENVIRONMENT = {"HOME": "/srv", "SWAPLAB_KEY": "key"}


def anchor(heading):
    """What GitHub and mkdocs make of a heading."""
    text = re.sub(r"[^\w\s-]", "", heading.lower())
    return re.sub(r"\s", "-", text.strip())


def links(page):
    text = prose(page)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page):
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (fragment and fragment not in map(anchor, headings(target))):
            broken.append(link)
    assert not broken


def command_lines(block: Block):
    """The lines that somebody is to type, continued lines joined."""
    text = block.content.replace("\\\n", " ")
    if block.language == "console":
        return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
    return text.splitlines() if block.language in {"sh", "bash"} else []


def swaplab_arguments(page):
    """The arguments of every call of `swaplab` in a page."""
    for block in blocks(page):
        for line in command_lines(block):
            words = shlex.split(line, comments=True)
            if words and Path(words[0]).name == "swaplab":
                yield words[1:]


@pytest.mark.parametrize("page", PAGES)
def test_every_swaplab_command_shown_is_one_that_can_be_given(page):
    for arguments in swaplab_arguments(page):
        context = main.make_context("swaplab", list(arguments))
        while isinstance(context.command, type(main)):
            name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
            context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_shown_exists(page):
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    shown = re.findall(r"`make ([a-z]+)", page.read_text())
    for block in blocks(page):
        shown += [word for line in command_lines(block) for word in re.findall(r"^make ([a-z]+)", line)]
    assert set(shown) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_configuration_shown_loads_without_a_problem(page, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples/swaplab_echo"))
    drivers = {**Catalogue.discover().backends, "echo": importlib.import_module("swaplab_echo.backend").EchoBackend()}
    schemas = backend_schemas(drivers)
    for block in blocks(page):
        if block.language == "yaml" and re.search(r"^(models|apiKeys):", block.content, re.MULTILINE):
            loaded = load([Source(str(page), block.content)], environment=ENVIRONMENT, backends=schemas)
            assert loaded.problems == (), block.content


@pytest.mark.parametrize(("page", "example"), [("first-backend", "swaplab_echo"), ("first-plugin", "swaplab_tidy")])
def test_who_copies_every_block_of_a_tutorial_has_the_whole_plugin(page, example):
    text = (ROOT / f"docs/tutorial/{page}.md").read_text()
    files = [file.relative_to(ROOT) for file in (ROOT / "examples" / example).rglob("*.*")]
    wanted = {str(file) for file in files if file.suffix in {".py", ".toml", ".yaml"} and file.stem != "__init__"}
    assert set(re.findall(r"^<!-- include: (\S+) -->$", text, re.MULTILINE)) == wanted
    assert "readme" not in tomllib.loads((ROOT / "examples" / example / "pyproject.toml").read_text())["project"]


def test_the_readme_begins_with_the_two_commands():
    first = blocks(ROOT / "README.md")[0]
    assert re.findall(r"^make (\w+)", first.content, re.MULTILINE) == ["run", "test"]


def test_ci_runs_the_commands_of_the_readme_and_the_contributing_page():
    script = (ROOT / ".ci/run").read_text()
    assert re.search(r"^make check test ", script, re.MULTILINE)
    assert script.index("make check test") < script.index("scripts/second_run.py") < script.index("--last-failed")
    assert "`make check test`" in (ROOT / "CONTRIBUTING.md").read_text()


def test_plain_make_lists_every_target():
    targets = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    help_lines = re.findall(r"@echo 'make (\w+)", MAKEFILE)
    assert set(help_lines) == set(targets) - {"help"}


def test_the_reading_order_is_ten_files_with_minutes():
    rows = re.findall(
        r"^\| (\d+) \| \[[^\]]+\]\(([^)]+)\) \| (\d+) \|", Path(ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    assert [int(number) for number, _, _ in rows] == list(range(1, 11))
