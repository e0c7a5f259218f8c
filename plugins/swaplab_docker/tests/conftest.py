"""A real engine for the session, where one can be started, and a small fake one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from swaplab_core.testing.require import missing
from swaplab_docker.testing_dockerd import ADVICE, Dockerd, running_dockerd


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Dockerd]:
    """A real engine, with an image `shell:1` that holds a shell and sleep."""
    with running_dockerd() as engine:
        if isinstance(engine, str):
            missing("docker", f"{engine}; {ADVICE}. The same contract is kept by the fake engine on a unix socket")
        programs = [Path(path).resolve() for name in ("dash", "sleep") if (path := shutil.which(name))]
        engine.build("shell:1", programs, entrypoint=("/bin/dash", "-c"))
        yield engine
