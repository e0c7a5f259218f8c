"""May the tests that failed be run a second time? `.ci/run` asks; the answer is the exit code, and is said aloud.

`python scripts/second_run.py RESULTS.xml` reads what pytest wrote. Only few failures are worth a second look: each is
named, so that somebody mends it. After a crash, a mistake in a module of tests, or many failures the first run counts.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

FEW = 5


def failures(results: str) -> tuple[list[str], str]:
    """The tests that failed, and why they may not be run again; without a reason they may."""
    try:
        cases = list(ET.fromstring(results).iter("testcase"))
    except ET.ParseError:
        return [], "pytest did not come to its end"
    bad = {case: kind for case in cases for kind in case if kind.tag in {"failure", "error"}}
    names = [f"{case.get('classname')}::{case.get('name')}" for case in bad]
    return names, _reason(names, [f"{kind.get('message')} {kind.text}" for kind in bad.values()])


def _reason(names: list[str], messages: list[str]) -> str:
    if not names:
        return "no test failed: something else did"
    if len(names) > FEW:
        return f"{len(names)} tests failed, and no more than {FEW} are taken for unsteady"
    if any("crashed while running" in message or message.startswith("internal error") for message in messages):
        return "pytest crashed"
    if any(message.startswith("collection failure") for message in messages):
        return "a module of tests could not be read"
    return ""


def main(results: Path) -> int:
    """Say what will be done."""
    names, reason = failures(results.read_text() if results.exists() else "")
    if reason:
        print(f"No second run: {reason}.")
        return 1
    print(f"UNSTEADY? {len(names)} failed, and run once more, alone: a second failure counts. Passing is no excuse:")
    print("\n".join(f"UNSTEADY? {name}" for name in names), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
