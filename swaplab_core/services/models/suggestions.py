"""What to say to somebody who asked for a name that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

NAMES_IN_AN_ERROR = 12


def known_names(name: str, known: Sequence[str], *, what: str = "models") -> str:
    """A likely meant name, or else what there is."""
    guess = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    if guess:
        return f"did you mean {guess[0]!r}?"
    if not known:
        return f"the configuration has no {what}"
    more = len(known) - NAMES_IN_AN_ERROR
    listed = ", ".join(known[:NAMES_IN_AN_ERROR])
    return f"there are: {listed}" + (f" and {more} more" if more > 0 else "")
