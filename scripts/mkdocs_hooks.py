"""Hook of mkdocs: links to files outside docs/ (source, README) lead nowhere on the site, so they become plain text."""

from __future__ import annotations

import posixpath
import re
from typing import Any

_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>\.\./[^)]+)\)")


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Keep the text of links that leave the folder."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(match: re.Match[str]) -> str:
        leaves = posixpath.normpath(posixpath.join(folder, match["target"])).startswith("..")
        return match["text"] if leaves else match[0]

    return _LINK.sub(kept, markdown)
