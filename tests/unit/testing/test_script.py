"""The script kit: it must say what went differently, and must not let anything pass."""

from __future__ import annotations

import pytest

from swaplab_core.engine import Limits, Phase, SwapEngine
from swaplab_core.engine.effects import Grant, StartUpstream
from swaplab_core.engine.facts import Released, Requested, UpstreamReady
from swaplab_core.engine.groups import group_policy
from swaplab_core.testing.script import bring_up, script

START = (Requested(1, "a"), [StartUpstream("a", 1)])
READY = (UpstreamReady("a", 1), [Grant(1, "a", 1)])


def engine(*models: str) -> SwapEngine:
    return SwapEngine.build(group_policy((), models), dict.fromkeys(models, Limits()))


def test_a_script_that_fits_passes():
    script(engine("a"), START, READY, (Released(1), []))


@pytest.mark.parametrize(
    "wrong",
    [
        (Requested(2, "a"), []),
        (Requested(2, "a"), [Grant(2, "a", 2)]),
        (Requested(2, "a"), [Grant(2, "a", 1), StartUpstream("b", 2)]),
        (Released(1), [StartUpstream("b", 2)]),
    ],
)
def test_a_missing_a_wrong_or_a_needless_effect_fails(wrong):
    with pytest.raises(AssertionError, match="does not keep to line 3"):
        script(engine("a", "b"), START, READY, wrong)


def test_the_order_of_effects_counts():
    waiting = (Requested(2, "a"), [])
    with pytest.raises(AssertionError, match="line 3"):
        script(engine("a"), START, waiting, (UpstreamReady("a", 1), [Grant(2, "a", 1), Grant(1, "a", 1)]))


def test_a_failure_shows_the_play_the_difference_and_the_state():
    with pytest.raises(AssertionError) as caught:
        script(engine("a", "b"), START, READY, (Requested(2, "b"), [StartUpstream("b", 2)]))

    assert str(caught.value).splitlines() == [
        "the engine does not keep to line 3 of the script",
        "   1. Requested(ticket=1, model='a')",
        "               StartUpstream(model='a', incarnation=1)",
        "   2. UpstreamReady(model='a', incarnation=1)",
        "               Grant(ticket=1, model='a', incarnation=1)",
        "   3. Requested(ticket=2, model='b')",
        "      expected StartUpstream(model='b', incarnation=2)",
        "      answered (nothing)",
        "after that:",
        "      a ready, incarnation 1; serving 1",
        "      b stopped, incarnation 0; waiting 2",
    ]


def test_bring_up_leaves_models_ready_and_idle():
    one = engine("a", "b")

    bring_up(one, "a")

    assert one.slots["a"].is_idle
    assert one.slots["b"].phase is Phase.STOPPED
    assert not one.tickets


def test_bring_up_says_who_is_in_the_way():
    one = engine("a", "b")
    bring_up(one, "a")

    with pytest.raises(AssertionError, match=r"b does not come up beside the others:\n +a stopping"):
        bring_up(one, "b")
