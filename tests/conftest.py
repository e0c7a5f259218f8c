"""Shared by all tests: the hypothesis profiles, the folders of helpers that tests import, and a daemon to test."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from swaplab_core.testing.require import require

HERE = Path(__file__).parent
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="swaplab-tests-")  # no test touches its person's state
sys.path[:0] = [str(HERE / "property" / "engine"), str(HERE / "support")]

if TYPE_CHECKING:
    from running_postgresql import Postgresql
    from running_swaplab import Swaplab

# Hundreds of daemons and engines are started, and each would compile all of swaplab again: a third of its start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell that runs us in the background has SIGINT ignored, and so would be everything that is interrupted here.
signal.signal(signal.SIGINT, signal.default_int_handler)


def _trust_only_one() -> None:
    """Every process reads all authorities of the machine as it starts, which takes a third of it; tests need none."""
    known = ssl.get_default_verify_paths().cafile
    end = "-----END CERTIFICATE-----\n"
    if known and end in (text := Path(known).read_text(errors="replace")):
        one = Path(os.environ["XDG_STATE_HOME"]) / "authority.pem"
        one.write_text(text[text.find("-----BEGIN CERTIFICATE-----") :].partition(end)[0] + end)
        os.environ["SSL_CERT_FILE"] = str(one)


_trust_only_one()

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
settings.register_profile("default", max_examples=100, stateful_step_count=40, **_COMMON)
# A mutant need only fail, not be shown at its smallest, nor be remembered.
_QUICK = _COMMON | {"phases": (Phase.explicit, Phase.generate), "database": None}
settings.register_profile("mutants", max_examples=1500, stateful_step_count=40, **_QUICK)
settings.register_profile("nightly", max_examples=5000, stateful_step_count=80, **_COMMON)
settings.load_profile(os.environ.get("SWAPLAB_PROFILE", "default"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect without looking for garbage: all is kept, and looking takes a quarter of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to `make nightly`."""
    if os.environ.get("SWAPLAB_PROFILE") != "nightly":
        long = [item for item in items if item.get_closest_marker("nightly")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


class Serve(Protocol):
    """What the fixture `serve` gives."""

    def __call__(
        self, models: Mapping[str, Mapping[str, object]], *options: str, killed: bool = False, **more: Any
    ) -> Swaplab:
        """Start a daemon as `running_swaplab` does: `options` of its command line, keys of its file."""
        ...


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A real PostgreSQL, one for all tests of a worker."""
    from running_postgresql import ADVICE, find_programs, running_postgresql

    with running_postgresql(require("postgresql", find_programs(), ADVICE)) as server:
        yield server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start real daemons. At the end of the test each must stop when asked, and leave nothing behind."""
    from running_swaplab import running_swaplab

    with contextlib.ExitStack() as running:

        def start(
            models: Mapping[str, Mapping[str, object]], *options: str, killed: bool = False, **more: Any
        ) -> Swaplab:
            return running.enter_context(running_swaplab(tmp_path, models, *options, killed=killed, **more))

        yield start
