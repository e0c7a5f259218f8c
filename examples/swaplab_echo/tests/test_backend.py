"""The driver keeps every driver's promises, and does what its options say. No process is started."""

from __future__ import annotations

import pytest
from swaplab_echo.backend import EchoBackend, EchoOptions
from swaplab_echo.recipes import TEMPLATE, EchoRecipes

from swaplab_core.plugin import LaunchRequest, ModelId, PluginFailed, Progress
from swaplab_core.testing.contracts.backend import BackendContract
from swaplab_core.testing.contracts.recipes import RecipeParserContract


class TestEcho(BackendContract):
    backend = EchoBackend
    samples = (EchoOptions(say="Hello."), EchoOptions(say="--help\nme", tokens_per_second=2.5))


class TestEchoRecipes(RecipeParserContract):
    parser = EchoRecipes
    samples = (TEMPLATE, 'engine = "echo"\nmodel = "cr\\"ow"\ncontainer = "echo:1"\n')


def launch(options, programs):
    return EchoBackend().launch(LaunchRequest(ModelId("parrot"), options, "127.0.0.1", 5800, programs.get))


def test_the_options_become_a_command_line():
    spec = launch(EchoOptions(say="--help\nme", tokens_per_second=2.5), {"swaplab-sim": "/opt/swaplab-sim"})
    assert spec.base_url == "http://127.0.0.1:5800"
    assert spec.argv == (
        *("/opt/swaplab-sim", "--host", "127.0.0.1", "--port", "5800"),
        *("--say=--help me", "--tokens-per-second", "2.5"),
    )


def test_a_missing_engine_is_refused_with_advice():
    with pytest.raises(PluginFailed, match=r"swaplab-sim is not installed \(pip install swaplab-core\)"):
        launch(EchoOptions(say="Hello."), {})


def test_the_log_of_a_load_is_progress():
    assert EchoBackend().progress("swaplab-sim: loading weights 40%") == Progress("weights", 0.4)
    assert EchoBackend().progress("swaplab-sim: ready") is None
