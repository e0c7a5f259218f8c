"""Write what the documentation takes from the code: the pages of docs/reference, and the files shown in other pages.

python scripts/docs.py          write what is stale
python scripts/docs.py --check  write nothing; exit 1 and name what is stale
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from reference import cli, config, drivers, errors, hooks, http, ui
from reference.includes import with_includes

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTICE = "<!-- Written by scripts/docs.py from {source}. Change that, then run `make docs`. -->\n\n"

PAGES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "cli.md": ("swaplab_core/cli/commands.py", cli.page),
    "config.md": ("swaplab_core/config/schema.py", config.page),
    "drivers.md": ("swaplab_core/plugin/interface.py and abilities.py", drivers.page),
    "errors.md": ("the exceptions of swaplab_core", errors.page),
    "hooks.md": ("swaplab_core/plugin/hookspecs.py", hooks.page),
    "ui.md": ("swaplab_core/plugin/pages.py", ui.page),
    "http.md": ("the route table of swaplab_core/server", http.page),
}


def wanted() -> Iterator[tuple[Path, str]]:
    """Answer every file this script answers for, with the text it should have."""
    for name, (source, page) in PAGES.items():
        yield REFERENCE / name, NOTICE.format(source=source) + page()
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if path.parent != REFERENCE:
            yield path, with_includes(path.read_text(), ROOT)


def main() -> int:
    """Compare, and write unless asked not to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is stale")
    check_only = parser.parse_args().check
    stale = [(path, text) for path, text in wanted() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        print(f"{'stale' if check_only else 'written'}: {path.relative_to(ROOT)}")
        if not check_only:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 1 if stale and check_only else 0


if __name__ == "__main__":
    sys.exit(main())
