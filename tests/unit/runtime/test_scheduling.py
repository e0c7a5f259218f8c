"""What the engine is told of a configuration, and the mistakes that only show there."""

from __future__ import annotations

import pytest
from attrs import field, frozen

from swaplab_core.config.load import BackendSchema, Source, load
from swaplab_core.engine.limits import Limits
from swaplab_core.engine.policy import models_of
from swaplab_core.runtime.scheduling import check_policy, engine_limits, eviction_policy


@frozen
class CommandOptions:
    cmd: tuple[str, ...] = field(metadata={"command": True})


MODELS = """\
models:
  a: {cmd: "x ${PORT}", aliases: [al]}
  b: {cmd: "x ${PORT}"}
  c: {cmd: "x ${PORT}"}
"""


def checked(text):
    backends = {"command": BackendSchema(CommandOptions, False)}
    return check_policy(load([Source("config.yaml", MODELS + text)], environment={}, backends=backends))


def errors(text):
    """The errors as `line:column: key: message`, without what is a warning."""
    loaded = checked(text)
    assert loaded.config is None
    shown = [str(problem) for problem in loaded.problems if problem.severity.value == "error"]
    return [text.removeprefix("config.yaml:") for text in shown]


def config(text):
    loaded = checked(text)
    assert loaded.config is not None, [str(problem) for problem in loaded.problems]
    return loaded.config


def test_limits_come_from_model_top_level_and_scheduler():
    text = "globalTTL: 60\nrouting: {scheduler: {settings: {fifo: {priority: {b: 7, c: -1}}}}}\n"
    found = engine_limits(config(text))

    assert found == {
        "a": Limits(concurrency=10, idle_seconds=60, priority=0),
        "b": Limits(concurrency=10, idle_seconds=60, priority=7),
        "c": Limits(concurrency=10, idle_seconds=60, priority=-1),
    }


def test_groups_and_the_rest_of_the_models_make_one_policy():
    policy = eviction_policy(config("groups: {g: {swap: false, exclusive: false, members: [a, b]}}\n"))

    assert models_of(policy.evictions("a", frozenset("b"))) == set()
    assert models_of(policy.evictions("a", frozenset("bc"))) == set(), "not exclusive"
    assert models_of(policy.evictions("c", frozenset("ab"))) == {"a", "b"}, "the default group is exclusive"


def test_a_matrix_makes_a_policy():
    policy = eviction_policy(config("matrix: {sets: {s: a & b}}\n"))

    assert models_of(policy.evictions("a", frozenset("bc"))) == {"c"}


def test_a_configuration_with_errors_is_left_as_it_is():
    loaded = load([Source("c", "models: 3\n")], environment={}, backends={})

    assert check_policy(loaded) is loaded


MATRIX = """\
matrix:
  vars: {v: a}
  evict_costs: {b: 2}
  sets:
    good: v & b
    "odd.one": "b & (c"
    lost: +nowhere
"""


@pytest.mark.parametrize(
    ("above", "indent", "path"),
    [
        ("", 0, "matrix"),
        ("routing:\n  router:\n    use: matrix\n    settings:\n", 6, "routing.router.settings.matrix"),
    ],
    ids=["where it used to be", "where it belongs"],
)
def test_mistakes_in_a_matrix_are_located_where_they_were_written(above, indent, path):
    matrix = "".join(" " * indent + line for line in MATRIX.splitlines(keepends=True))
    first = len((MODELS + above).splitlines()) + 1

    odd, lost = errors(above + matrix)

    assert odd.startswith(f"{first + 5}:{indent + 16}: {path}.sets.odd.one: ")
    assert lost.startswith(f"{first + 6}:{indent + 11}: {path}.sets.lost: ")
    assert "(at character " in odd
    assert "nowhere" in lost


@pytest.mark.parametrize(
    ("matrix", "key"),
    [
        ("{vars: {v: nobody}, sets: {s: v & a}}", "vars.v"),
        ("{vars: {v: al}, sets: {s: v & a}}", "vars.v"),
        ("{evict_costs: {nobody: 1}, sets: {s: a}}", "evict_costs.nobody"),
        ("{sets: {s: +t, t: +s}}", "sets.t"),
        ("{sets: {s: ''}}", "sets.s"),
    ],
)
def test_every_mistake_in_a_matrix_names_its_key(matrix, key):
    (found,) = errors(f"matrix: {matrix}\n")

    assert f": matrix.{key}: " in found


SPILL = (
    "selectors: {s: {strategy: spillover, targets: [al, b, lab/x]}}\npeers: {lab: {proxy: 'http://h', models: [x]}}\n"
)


@pytest.mark.parametrize(
    ("policy", "fits"),
    [
        ("groups: {g: {swap: false, members: [a, b, c]}}\n", True),
        ("groups: {g: {swap: true, members: [a, b]}}\n", False),
        ("groups: {g: {swap: false, members: [a]}, h: {swap: false, members: [b]}}\n", False),
        ("", False),
        ("matrix: {sets: {s: a & b & c}}\n", True),
        ("matrix: {sets: {s: (a | c) & +t, t: b | c}}\n", True),
        ("matrix: {sets: {s: a | b, t: b & c}}\n", False),
    ],
)
def test_local_targets_of_a_spillover_must_be_able_to_run_together(policy, fits):
    if fits:
        assert config(policy + SPILL).selectors["s"].targets == ("al", "b", "lab/x")
        return
    (found,) = errors(policy + SPILL)
    line = len((MODELS + policy).splitlines()) + 1
    assert found.startswith(f"{line}:")
    assert "run at the same time" in found
    assert "`swap: false`" in found or "one set of the matrix" in found


@pytest.mark.parametrize("strategy", ["pin", "warm"])
def test_targets_of_other_strategies_may_exclude_each_other(strategy):
    assert config(f"selectors: {{s: {{strategy: {strategy}, targets: [a, b]}}}}\n")


def test_a_spillover_over_one_local_model_always_fits():
    assert config(
        "selectors: {s: {strategy: spillover, targets: [a, x]}}\npeers: {lab: {proxy: 'http://h', models: [x]}}\n"
    )
