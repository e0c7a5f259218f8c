"""Files shown in a page: the block after `<!-- include: PATH -->` holds what the file holds."""

from __future__ import annotations

import re
from pathlib import Path

_INCLUDE = re.compile(
    r"(?P<marker><!-- include: (?P<path>\S+) -->\n)```(?P<language>\w*)\n.*?^```$", re.DOTALL | re.MULTILINE
)


def with_includes(text: str, root: Path) -> str:
    """Return the text of a page with every included block as its file is now."""

    def filled(match: re.Match[str]) -> str:
        content = (root / match["path"]).read_text().rstrip()
        return f"{match['marker']}```{match['language']}\n{content}\n```"

    return _INCLUDE.sub(filled, text)
