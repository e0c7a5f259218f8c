from __future__ import annotations

import sys

import orjson
import pytest

from swaplab_core.plugin import Output
from swaplab_core.testing.contracts.plugin import PluginContract
from swaplab_core.testing.fake_lab import FakeLab
from swaplab_hub.plugin import Hub
from swaplab_hub.settings import Settings

FILES = [["config.json", 2, "a", False], ["m-Q4_K_M.gguf", 10, "b", True], ["model.safetensors", 10, "c", True]]


def answer(command, _):
    """A hub that has whatever is asked for."""
    assert command.argv[:4] == (sys.executable, "-P", "-m", "swaplab_hub.worker")
    assert "--" in command.argv
    found = {"repo": command.argv[-1], "commit": "0" * 40, "gated": False, "files": FILES}
    return Output(0, orjson.dumps(found), b"")


class Lab(FakeLab):
    """Its state is a folder of the test's own."""

    folder = None

    def state_folder(self, _):
        return self.folder


class TestHub(PluginContract):
    name = "hub"
    plugin = Hub
    settings = Settings(reserve_gib=0)
    targets = ("", "org/model", "org/model@main", "--help", "../x")

    @pytest.fixture(autouse=True)
    def state(self, tmp_path):
        Lab.folder = tmp_path

    def lab(self):
        return Lab({self.name: self.settings}, run_=answer)
