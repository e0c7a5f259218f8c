"""The daemon may have as many connections as the system lets it; its engines keep the limit that the shell gave."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_swaplab import running_swaplab, sim

GIVEN = 300


@contextmanager
def shell_limit(soft: int) -> Iterator[int]:
    """Processes started meanwhile get this soft limit; answers the hard one."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def soft_limit(pid: int) -> int:
    """Of a running process."""
    line = next(line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max open"))
    return int(line.split()[3])


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="the limits of others are read from Linux's /proc")
def test_the_daemon_takes_the_hard_limit_and_its_engines_keep_the_soft_one(tmp_path):
    with shell_limit(GIVEN) as hard, running_swaplab(tmp_path, {"one": sim()}, executed=True) as swaplab:
        assert swaplab.chat("one").status == 200

        assert soft_limit(swaplab.process.pid) == hard
        engine = swaplab.model("one")["pid"]
        assert soft_limit(engine) == GIVEN
