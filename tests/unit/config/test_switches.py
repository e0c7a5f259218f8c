"""Which plugins a file leaves out, read before anything else of it, and what the rest then means."""

from __future__ import annotations

import pytest
from attrs import frozen

from swaplab_core.config.load import BackendSchema, Source, load
from swaplab_core.config.switches import SwitchedOff, canonical, disabled_plugins
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Severity


@frozen
class Options:
    cmd: str = ""


OFF = SwitchedOff({"vllm": "swaplab-vllm"}, {"hub": "swaplab-hub"})


def test_several_files_leave_out_what_each_of_them_names():
    texts = ["disabledPlugins:\n  - Swaplab_vLLM\n", "models: {}\n", "disabledPlugins: [swaplab.hub, 7]\n"]
    assert disabled_plugins(texts) == {"swaplab-vllm", "swaplab-hub", "7"}


@pytest.mark.parametrize(
    "text",
    ["", "models: {}", "disabledPlugins: swaplab-hub", "disabledPlugins:", "disabledPlugins: [", "a: disabledPlugins"],
)
def test_a_file_that_names_nobody_or_cannot_be_read_leaves_nothing_out(text):
    assert disabled_plugins([text]) == frozenset()


def test_a_list_is_read_in_a_file_with_variables_that_are_not_set():
    assert disabled_plugins(["apiKeys: [${env.NOT_SET_ANYWHERE}]\ndisabledPlugins: [x]\n"]) == {"x"}


def test_names_are_compared_as_package_indexes_do():
    assert {canonical(name) for name in ("Swaplab_vLLM", "swaplab-vllm", "swaplab.vllm")} == {"swaplab-vllm"}


def test_a_model_of_a_backend_that_is_switched_off_stays_with_a_warning():
    text = "models:\n  a:\n    backend: vllm\n    recipe: x\n  b:\n    cmd: serve ${PORT}\nplugins:\n  hub: {a: 1}\n"
    backends = {"command": BackendSchema(Options, needs_port=False)}
    loaded = load([Source("c.yaml", text)], environment={}, backends=backends, off=OFF)
    assert loaded.config is not None
    assert loaded.config.models[ModelId("a")].options is None
    assert [(problem.severity, problem.line, problem.message) for problem in loaded.problems] == [
        (
            Severity.WARNING,
            3,
            "this model cannot be started: backend 'vllm' is switched off with swaplab-vllm",
        )
    ]
