"""Nobody starves: while clients never stop asking for other models, every waiting request is answered some time.

The examples starved somebody in earlier engines. It takes models that conspire, so chance seldom finds such a case.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from policies import MODELS, grouped, matrix, models, policies
from worlds import PATIENCE, Traffic, World

from swaplab_core.domain.ids import ModelId
from swaplab_core.engine import Limits, SwapEngine
from swaplab_core.engine.policy import Residency

limits = st.builds(
    Limits,
    concurrency=st.integers(1, 3),
    priority=st.sampled_from([0, 0, 1]),
    evict_to=st.sampled_from([Residency.STOPPED, Residency.ASLEEP]),
)
places = st.integers(0, 3)
traffics = st.lists(
    st.tuples(st.just("ask"), models) | st.tuples(st.sampled_from(["move", "end"]), places), min_size=1, max_size=8
)

NOT_EXCLUSIVE = (False, False, False)


def urgent(*models: str, concurrency: int = 1) -> dict[ModelId, Limits]:
    return {model: Limits(concurrency, priority=int(model in models)) for model in MODELS}


def asks(names: str) -> list[Traffic]:
    return [("ask", ModelId(name)) for name in names]


@given(policies, st.fixed_dictionaries(dict.fromkeys(MODELS, limits)), st.lists(models, max_size=4), models, traffics)
# b and c keep each other waiting before a, which would not even disturb them
@example(grouped((1, 0, 0, 0), (NOT_EXCLUSIVE,)), urgent("b", "c"), ["b"], "a", asks("bc"))
# with d running, b must evict both a and c; each can start again beside b and d while the other is on its way out
@example(matrix("a & (a | c) & d", "(a | b) & (a | b | c | d)", costs={"d": 2}), urgent(), ["a", "d"], "b", asks("ac"))
# d and c have both lost patience with a; c would be first, but may not pass d
@example(grouped((0, 0, 0, 0), ()), urgent("c", concurrency=4), ["a", "d"], "c", asks("aaa"))
def test_steady_traffic_starves_nobody(policy, table, before, model, traffic):
    world = World(SwapEngine.build(policy, table, PATIENCE), policy, table)
    for earlier in before:
        world.request(earlier)
    ticket = world.request(model)
    world.moving = world.under_way()
    world.serve_under(traffic, ticket)

    assert world.answers[ticket] == "granted" or before.count(model) >= table[model].concurrency
