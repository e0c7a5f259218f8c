"""The engine's shortcut for warm traffic does exactly what its planner would have done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from policies import models, policies

from swaplab_core.domain.ids import TicketId
from swaplab_core.engine import Limits, SwapEngine
from swaplab_core.engine import effects as e
from swaplab_core.engine import facts as f

FEW = Limits(concurrency=2, idle_seconds=5.0)
moves = st.lists(st.tuples(st.sampled_from(["ask", "end"]), models), max_size=25)


def planned(engine: SwapEngine, fact: f.Fact) -> tuple[e.Effect, ...]:
    """A step without the shortcut."""
    return (*engine._absorb(fact), *engine._plan())


@given(policies, moves)
def test_with_and_without_the_shortcut_it_answers_and_becomes_the_same(policy, moves):
    quick = SwapEngine.build(policy, dict.fromkeys(sorted({model for _, model in moves}), FEW))
    slow, held, asked = quick.copy(), [], 0

    def tell(fact: f.Fact) -> tuple[e.Effect, ...]:
        effects = quick.step(fact)
        assert planned(slow, fact) == effects
        assert (slow.slots, slow.ticks, set(slow.tickets)) == (quick.slots, quick.ticks, set(quick.tickets))
        return effects

    for kind, model in moves:
        if kind == "ask":
            asked += 1
            fact, alone = f.Requested(TicketId(asked), model), quick.copy()
            granted = alone.serve_at_once(fact)
            effects = tell(fact)
            assert granted is None or effects == (granted,)
            assert alone.ticks == quick.ticks or granted is None
            held.append(TicketId(asked))
        elif held:
            effects = tell(f.Released(held.pop(0)))
        else:
            continue
        for effect in effects:  # the world obeys at once
            match effect:
                case e.StartUpstream(started, incarnation):
                    tell(f.UpstreamReady(started, incarnation))
                case e.StopUpstream(stopped, incarnation):
                    tell(f.UpstreamExited(stopped, incarnation))
                case _:
                    pass
