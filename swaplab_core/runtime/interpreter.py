"""Python's own machinery, tuned for a daemon: how often it looks for garbage, how long threads may be kept waiting.

Left alone, the collector looks through everything that was ever imported, tens of milliseconds at a time, in the middle
of somebody's stream; and through what is new every 700 objects, a tenth of the cost of a small request. Hardly anything
here is in a cycle, and what is not goes by itself, so nothing is gained by looking that often.
"""

from __future__ import annotations

import gc
import sys

NEW_OBJECTS = 20_000
"""So many more containers made than freed, and the new ones are looked through: about a millisecond."""
YOUNG_ROUNDS, OLD_ROUNDS = 20, 20
SWITCH_SECONDS = 0.0005
"""So long may a thread that writes rows keep the event loop waiting; Python's own 5 ms are many tokens' time."""


def settle_interpreter() -> None:
    """Everything has been imported and built: it is here to stay."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_ROUNDS, OLD_ROUNDS)
    sys.setswitchinterval(SWITCH_SECONDS)
