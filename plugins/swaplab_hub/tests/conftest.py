from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from attrs import define

from swaplab_hub.library import _environment
from swaplab_hub.settings import Settings
from swaplab_hub.testing import running_hub


@pytest.fixture(scope="module")
def serving():
    with running_hub() as hub:
        yield hub


@pytest.fixture
def hub(serving):
    serving.renew()
    return serving


@define
class Worker:
    """Runs the worker as the daemon does, against a hub and a cache of the test's own."""

    hub: object
    home: object
    token: str = ""

    @property
    def cache(self):
        return self.home / "hub"

    @property
    def environment(self):
        ours = {name: value for name, value in _environment(Settings()).items() if isinstance(value, str)}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        own = {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.home), "HOME": str(self.home)}
        return {**kept, **ours, **own, **({"HF_TOKEN": self.token} if self.token else {})}

    def argv(self, verb, *words):
        cache = [f"--cache={self.cache}"] if verb in {"download", "delete"} else []
        return [sys.executable, "-P", "-m", "swaplab_hub.worker", verb, *cache, *words]

    def run(self, verb, *words, stdin="", **environment):
        """Answers the exit code and the lines of the output, redrawn ones too."""
        done = subprocess.run(
            self.argv(verb, *words), env={**self.environment, **environment}, input=stdin, text=True,
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout.replace("\r", "\n").strip().split("\n")

    def start(self, verb, *words):
        return subprocess.Popen(
            self.argv(verb, *words), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def stop(self, process, number=signal.SIGKILL):
        process.send_signal(number)
        process.communicate()


@pytest.fixture
def worker(hub, tmp_path):
    return Worker(hub, tmp_path)
