"""Switching plugins off and on: which are meant, what needs them, and what is written."""

from __future__ import annotations

import pytest

from swaplab_core.config.load import Loaded
from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.errors import Conflict, InvalidRequest, NotThere
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Severity
from swaplab_core.plugin.catalogue import BACKENDS, EXECUTORS, PLUGINS, PluginRecord, PluginState
from swaplab_core.services.plugins.switches import check_switches, find, needed_by, require_dispensable, switch_of, turn


def record(group, name, distribution, state=PluginState.OK, hooks=()):
    return PluginRecord(group, name, "module", distribution, "1", state, hooks=hooks)


RECORDS = [
    record(BACKENDS, "command", "swaplab-core"),
    record(BACKENDS, "vllm", "swaplab-vllm"),
    record(BACKENDS, "same", "One"),
    record(BACKENDS, "same", "two"),
    record(EXECUTORS, "ssh", "swaplab-cluster"),
    record(PLUGINS, "cluster", "swaplab-cluster"),
    record(PLUGINS, "places", "places", hooks=("swaplab_nodes",)),
]
MODELS = [
    ModelConfig(id=ModelId("plain")),
    ModelConfig(id=ModelId("far"), node="spark1"),
    ModelConfig(id=ModelId("big"), backend="vllm"),
]


def test_a_plugin_is_found_by_its_distribution_and_by_what_it_alone_offers():
    assert find(RECORDS, "Swaplab_vLLM") == "swaplab-vllm"
    assert find(RECORDS, "ssh") == "swaplab-cluster"
    assert find(RECORDS, "one") == "One"


def test_a_name_that_several_offer_and_one_that_nobody_has_are_refused_with_advice():
    with pytest.raises(InvalidRequest, match="'same' is offered by One and two"):
        find(RECORDS, "same")
    with pytest.raises(NotThere, match=r"no plugin 'vlm' is installed .*did you mean 'vllm'.*installed: One, places"):
        find(RECORDS, "vlm")


def test_models_need_their_backend_and_whoever_knows_their_machine():
    assert needed_by(MODELS, RECORDS, "swaplab-vllm") == ("big",)
    assert needed_by(MODELS, RECORDS, "swaplab-cluster") == ("far",)
    assert needed_by(MODELS, RECORDS, "places") == ("far",)
    assert needed_by(MODELS, RECORDS, "One") == ()


def test_what_is_needed_is_switched_off_only_when_told_twice_and_the_core_never():
    needed = switch_of("swaplab-vllm", RECORDS, MODELS, is_on=True)
    with pytest.raises(Conflict, match="without swaplab-vllm these models cannot be started: big"):
        require_dispensable(needed, anyway=False)
    require_dispensable(needed, anyway=True)
    with pytest.raises(Conflict, match="swaplab-core is swaplab itself"):
        require_dispensable(switch_of("swaplab-core", RECORDS, MODELS, is_on=True), anyway=True)


def test_turning_changes_one_name_of_the_list_and_takes_an_empty_list_away():
    document = {"models": {}}
    turn(document, "swaplab-hub", on=True)
    assert document == {"models": {}}
    turn(document, "swaplab-hub", on=False)
    turn(document, "swaplab-vllm", on=False)
    turn(document, "Swaplab_Hub", on=False)
    assert document["disabledPlugins"] == ["swaplab-hub", "swaplab-vllm"]
    turn(document, "swaplab_hub", on=True)
    assert document["disabledPlugins"] == ["swaplab-vllm"]
    turn(document, "swaplab-vllm", on=True)
    assert document == {"models": {}}


def checked(*names, records=RECORDS):
    config = Config(models={model.id: model for model in MODELS}, disabled_plugins=names)
    return check_switches(Loaded(config, ()), records)


def test_a_file_that_switches_off_the_core_cannot_be_used():
    loaded = checked("swaplab-core")
    assert loaded.config is None
    assert "swaplab itself" in loaded.problems[0].message


def test_a_file_that_switches_off_what_models_need_or_nobody_has_is_used_with_a_warning():
    loaded = checked("swaplab-vllm", "swaplab-vlm", "one")
    assert loaded.config is not None
    assert [(problem.severity, problem.message) for problem in loaded.problems] == [
        (Severity.WARNING, "without swaplab-vllm these models cannot be started: big"),
        (Severity.WARNING, "no distribution 'swaplab-vlm' with plugins is installed"),
    ]
    assert loaded.problems[1].advice == "did you mean 'swaplab-vllm'?"


def test_of_what_is_off_already_each_model_says_so_itself():
    records = [record(BACKENDS, "vllm", "swaplab-vllm", PluginState.DISABLED)]
    assert checked("swaplab-vllm", records=records).problems == ()
