"""How much memory a process holds, for tests of bounds."""

from __future__ import annotations

import psutil

MIB = 2**20


def resident_mib(pid: int) -> float:
    """What it holds in memory now."""
    return float(psutil.Process(pid).memory_info().rss) / MIB
