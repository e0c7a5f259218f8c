from __future__ import annotations

import attrs
import pytest

from swaplab_core.testing.sim.cli import parse
from swaplab_core.testing.sim.options import LoadStage, LoadStyle, MetricsStyle, SimOptions, TimingsStyle


def test_no_arguments_are_the_defaults():
    assert parse([]) == SimOptions()


def test_every_option_has_a_flag_and_help(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    shown = capsys.readouterr().out
    for attribute in attrs.fields(SimOptions):
        assert "--" + attribute.name.replace("_", "-") in shown
        assert attribute.metadata["help"]


def test_values_are_read_with_their_types():
    arguments = "--port 1 --tokens-per-second 2.5 --load-style vllm --metrics-style llamacpp --timings none --allocate"
    assert parse(arguments.split()) == SimOptions(
        port=1,
        tokens_per_second=2.5,
        load_style=LoadStyle.VLLM,
        metrics_style=MetricsStyle.LLAMACPP,
        timings=TimingsStyle.NONE,
        allocate=True,
    )


def test_load_stages_keep_their_order():
    options = parse(["--load-stage", "weights:2.5", "--load-stage", "graphs:1"])
    assert options.load_stage == (LoadStage("weights", 2.5), LoadStage("graphs", 1.0))


@pytest.mark.parametrize(("arguments", "code"), [([], None), (["--die-at-start"], 1), (["--die-at-start", "7"], 7)])
def test_dying_at_start_takes_an_exit_code_or_none(arguments, code):
    assert parse(arguments).die_at_start == code


@pytest.mark.parametrize("arguments", [["--load-stage", "weights"], ["--load-style", "fast"], ["--port", "x"]])
def test_a_wrong_value_ends_with_a_message(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err.splitlines()[-1]


def test_stages_come_from_the_whole_load_when_none_are_named():
    assert SimOptions(load_seconds=3.0).stages == (LoadStage("weights", 3.0),)
    assert SimOptions().stages == ()
