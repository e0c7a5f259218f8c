"""Draw the phases of a model from the engine's own table, into docs/explanation/engine.md.

python scripts/draw_phases.py           write the picture between its two marks
python scripts/draw_phases.py --check   exit 1 when it is not the present one
"""

from __future__ import annotations

import sys
from pathlib import Path

from swaplab_core.engine.phases import TRANSITIONS, Phase

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "engine.md"
BEGIN, END = "<!-- phases: begin -->\n", "<!-- phases: end -->\n"


def picture() -> str:
    """The table as a mermaid diagram; a row that leaves the phase as it is is no arrow."""
    arrows = [
        f"    {_name(before)} --> {_name(after)}: {cause.__name__}"
        for (before, cause), after in TRANSITIONS.items()
        if before is not after
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {_name(Phase.STOPPED)}", *arrows, "```", ""])


def page_with(drawn: str, text: str) -> str:
    """The page with its picture replaced."""
    before, rest = text.split(BEGIN)
    return before + BEGIN + drawn + END + rest.split(END)[1]


def main() -> int:
    """Write the picture, or check it."""
    text = PAGE.read_text(encoding="utf-8")
    wanted = page_with(picture(), text)
    if "--check" in sys.argv[1:]:
        if wanted != text:
            print(f"{PAGE.name} shows old phases: run scripts/draw_phases.py")
        return int(wanted != text)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


def _name(phase: Phase) -> str:
    return phase.value.replace("-", "_")


if __name__ == "__main__":
    raise SystemExit(main())
