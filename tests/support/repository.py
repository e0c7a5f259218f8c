"""The files of this repository, for tests about the repository itself."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]
MADE = {".git", ".venv", ".demo", ".cache", "__pycache__", "dist", "build", "ui_dist", "node_modules"}
"""Folders that git ignores; other hidden ones are caches of tools, but for `.ci`."""

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<content>.*?)^```$", re.DOTALL | re.MULTILINE)
_NOT_LINKS = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def files(folder: Path = ROOT) -> Iterator[Path]:
    """Every file that is ours, whether git knows it yet or not."""
    for path in sorted(folder.iterdir()):
        if path.name in MADE or path.name.endswith(("_cache", ".egg-info")) or path.name == ".hypothesis":
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def pages() -> list[Path]:
    """Every Markdown file."""
    return [path for path in files() if path.suffix == ".md"]


def projects() -> dict[Path, dict[str, Any]]:
    """Every distribution: its pyproject.toml, and what that says."""
    return {path: tomllib.loads(path.read_text()) for path in files() if path.name == "pyproject.toml"}


@frozen
class Block:
    """One fenced block of a page."""

    page: Path
    language: str
    content: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    return [Block(page, match["language"], match["content"]) for match in _FENCE.finditer(page.read_text())]


def prose(page: Path) -> str:
    """A page without its code: what looks like a link there is one."""
    return _NOT_LINKS.sub("", page.read_text())


def headings(page: Path) -> list[str]:
    """The headings of a page; a `#` in a block is a comment."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^#+ (.*)$", text, re.MULTILINE)
