"""Contract suites: what every implementation must do, as classes of tests to inherit from.

One for each port, run against the fake and the real adapter, so a fake cannot lie: `processes`, `http`, `clock`,
`job_files`. For every way to reach machines: `executor`. For what plugins offer: `backend`, `recipes` and `plugin`. A
subclass named `Test…` says how to make the thing under test; pytest does the rest. `scenario` runs the asynchronous
ones.
"""

from __future__ import annotations

from swaplab_core.testing.contracts.clock import ClockContract
from swaplab_core.testing.contracts.executor import ExecutorContract, ExecutorWorld
from swaplab_core.testing.contracts.http import HttpContract, HttpWorld
from swaplab_core.testing.contracts.job_files import JobFilesContract
from swaplab_core.testing.contracts.processes import ProcessesContract, ProcessesWorld

__all__ = [
    "ClockContract",
    "ExecutorContract",
    "ExecutorWorld",
    "HttpContract",
    "HttpWorld",
    "JobFilesContract",
    "ProcessesContract",
    "ProcessesWorld",
]
