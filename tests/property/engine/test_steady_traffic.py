"""Nobody starves: while clients never stop asking for other models, every waiting request is answered some time.

The examples have starved somebody in earlier engines. Each needs four models that conspire, so chance seldom finds them.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from policies import MODELS, Rivals, grouped, matrix, models, policies
from worlds import PATIENCE, World

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

NON_EXCLUSIVE = (False, False, False)
PAIRS = matrix(*({frozenset(a), frozenset(b)} for a, b in ("bd", "ab", "bc")), {frozenset("a"), frozenset("c"), frozenset("d")}, costs={"d": 2})


def ask(names: str) -> list:
    return [("ask", name) for name in names]


def table(*urgent: str) -> dict:
    return {model: Limits(concurrency=1, priority=int(model in urgent)) for model in MODELS}


@given(policies, st.fixed_dictionaries(dict.fromkeys(MODELS, limits)), st.lists(models, max_size=4), models, traffics)
@example(grouped((1, 0, 0, 0), (NON_EXCLUSIVE, NON_EXCLUSIVE)), table("b", "c"), ["b"], "a", ask("bc"))
@example(PAIRS, table(), ["a", "d"], "b", ask("ac"))
def test_steady_traffic_starves_nobody(policy, table, before, model, traffic):
    world = World(SwapEngine.build(policy, table, PATIENCE), policy, table)
    for earlier in before:
        world.request(earlier)
    ticket = world.request(model)
    world.moving = world.under_way()
    world.serve_under(traffic, ticket)

    assert world.answers[ticket] == "granted"
