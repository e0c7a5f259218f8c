"""Shared by all tests: the hypothesis profiles, and the folders of helpers that tests import."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "property" / "engine")]

# No explain phase: with it, one failing machine shrank and explained for four minutes; without, ten seconds.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
_DATABASE = DirectoryBasedExampleDatabase(HERE.parent / ".cache" / "hypothesis")
_COMMON = {
    "deadline": None,
    "phases": _PHASES,
    "database": _DATABASE,
    "report_multiple_bugs": False,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}
settings.register_profile("default", max_examples=300, stateful_step_count=40, **_COMMON)
settings.register_profile("mutants", max_examples=1500, stateful_step_count=40, **_COMMON)
settings.register_profile("nightly", max_examples=5000, stateful_step_count=80, **_COMMON)
settings.load_profile(os.environ.get("SWAPLAB_PROFILE", "default"))
