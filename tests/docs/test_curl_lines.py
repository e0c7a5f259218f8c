"""Whoever copies a line of curl out of a page is let in: what is for the administrator has the headers it needs."""

from __future__ import annotations

import re

import pytest
from repository import blocks, pages
from route_table import endpoints

from swaplab_core.domain.access import Policy

COMMAND = re.compile(r"curl (?:[^\n]*\\\n)*[^\n]*")
NEEDED = {"Authorization: Bearer", "X-Swaplab: 1", "Content-Type: application/json"}


def commands():
    return [(page, found[0]) for page in pages() for block in blocks(page) for found in COMMAND.finditer(block.content)]


def policies(command):
    """Who may do what the command asks for, as far as it is one of our routes."""
    path = re.search(r"(?:localhost|127\.0\.0\.1):8080(/[^\s?'\"]*)", command)
    sends = re.search(r"-X (?:POST|PUT|DELETE)| -d ", command)
    if path is None or sends is None:
        return set()
    method = found[1] if (found := re.search(r"-X (\w+)", command)) else "POST"
    served = (each for each in endpoints() if method in each.methods)
    return {each.policy for each in served if re.fullmatch(re.sub(r"{\w+}", r"[^/]+", each.plain_path), path[1])}


def test_the_pages_have_such_lines():
    assert sum(Policy.ADMIN in policies(command) for _, command in commands()) >= 4


@pytest.mark.parametrize(("page", "command"), commands(), ids=lambda value: getattr(value, "name", ""))
def test_a_command_for_the_administrator_sends_what_it_must(page, command):
    if Policy.ADMIN in policies(command):
        assert {header for header in NEEDED if header not in command} == set(), page


@pytest.mark.parametrize(("page", "command"), commands(), ids=lambda value: getattr(value, "name", ""))
def test_a_command_is_one_in_every_shell_and_its_key_is_explained(page, command):
    assert not re.findall(r"(?<=\s)http[^\s'\"]*[?&*]", command), "zsh looks for files of that name: quote the address"
    if keys := re.findall(r"Bearer (\S+?)[\"']", command):
        assert keys == ["$TOKEN"]
        assert "admin-token" in page.read_text() or "access.md#the-admin-token" in page.read_text()
