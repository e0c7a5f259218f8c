"""swaplab without what watches requests, to see what the watching costs: never a way to run it.

python unwatched.py metering|rows ARGUMENTS...

`metering`: no access log, no tokens and times read from answers; rows are stored still, with nothing in them. `rows`:
nor those, nor captures.
"""

from __future__ import annotations

import sys

from swaplab_core.cli import main
from swaplab_core.runtime.metering import Measured, Meter, Passed
from swaplab_core.server.inference.access_log import AccessLog
from swaplab_core.server.inference.observation import Observation, Observer


def without_metering() -> None:
    AccessLog.note = lambda *_, **__: None
    Observation.chunk = lambda *_: None
    Meter.headers = _keep_status
    Meter.end = Passed.measured = lambda self, *_: Measured(self.status)


def _keep_status(self: Meter, status: int, *_: object) -> None:
    self.status = status


def without_rows() -> None:
    without_metering()
    Observer.record = Observer.came_whole = lambda *_: None


if __name__ == "__main__":
    {"metering": without_metering, "rows": without_rows}[sys.argv.pop(1)]()
    sys.exit(main())
