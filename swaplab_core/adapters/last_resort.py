"""The end of a daemon that cannot end: if something hangs while it stops, the process leaves all the same."""

from __future__ import annotations

import logging
import os
import threading

_log = logging.getLogger(__name__)


def exit_after(seconds: float) -> threading.Timer:
    """Leave with code 1 after this time, whatever the event loop does; `cancel()` calls it off.

    The guard and the parent-death signal then end the engines.
    """
    timer = threading.Timer(seconds, _leave, args=(seconds,))
    timer.daemon = True
    timer.start()
    return timer


def _leave(seconds: float) -> None:
    _log.error("swaplab could not stop within %g s and leaves at once", seconds)
    os._exit(1)
