"""The job runner: plans are run here, one step after the other, and everybody can watch.

`runner` the jobs and their life · `locks` who waits for whom · `work` one step · `transcript` the log of one job.
Not here: what a plan is made of (plugins), and how a command is run (executors).
"""

from __future__ import annotations

from swaplab_core.runtime.jobs.runner import Jobs

__all__ = ["Jobs"]
