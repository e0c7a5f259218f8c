"""Groups, matrix, scheduler, and their older places."""

from __future__ import annotations

import pytest

MODELS = "models: {a: {cmd: 'x ${PORT}', aliases: [al]}, b: {cmd: 'x ${PORT}'}, c: {cmd: 'x ${PORT}'}}\n"
MATRIX = "{vars: {v: a}, evict_costs: {v: 3, b: 2}, sets: {z: v & b, y: +z | c}}"


def test_models_in_no_group_are_in_the_default_group(good):
    config = good(MODELS)
    (group,) = config.groups.values()
    assert (group.swap, group.exclusive, group.persistent, group.members) == (True, True, False, ("a", "b", "c"))


@pytest.mark.parametrize(
    "text",
    [
        "groups: {g: {swap: false, members: [b]}}\n",
        "routing: {router: {settings: {groups: {g: {swap: false, members: [b]}}}}}\n",
        "routing: {router: {use: group, settings: {groups: {g: {swap: false, members: [b]}}}}}\n",
        "groups: {g: {swap: false, members: [b]}}\nrouting: {scheduler: {use: fifo}}\n",
    ],
)
def test_groups_are_the_same_in_both_places(good, text):
    config = good(MODELS + text)
    assert {name: group.members for name, group in config.groups.items()} == {"g": ("b",), "(default)": ("a", "c")}
    assert (config.groups["g"].swap, config.groups["g"].exclusive, config.groups["g"].persistent) == (
        False,
        True,
        False,
    )
    assert config.routing.router.use == "group"


def test_a_group_of_the_name_of_the_default_one_is_replaced_with_a_warning(good, warnings_of):
    text = MODELS + "groups: {(default): {swap: false, members: [a]}}\n"
    config = good(text)
    assert warnings_of(text) == [("groups.(default)", "this group is replaced")]
    assert config.groups["(default)"].members == ("a", "b", "c")
    assert config.groups["(default)"].swap is True


@pytest.mark.parametrize(
    "text",
    [f"matrix: {MATRIX}\n", f"routing: {{router: {{use: matrix, settings: {{matrix: {MATRIX}}}}}}}\n"],
)
def test_a_matrix_keeps_its_expressions_in_order(good, text):
    router = good(MODELS + text).routing.router
    assert router.use == "matrix"
    assert list(router.settings.matrix.sets.items()) == [("z", "v & b"), ("y", "+z | c")]
    assert (dict(router.settings.matrix.vars), dict(router.settings.matrix.evict_costs)) == (
        {"v": "a"},
        {"v": 3, "b": 2},
    )


def test_both_settings_may_be_there_and_one_is_used(good):
    text = f"routing: {{router: {{settings: {{matrix: {MATRIX}, groups: {{g: {{members: [a]}}}}}}}}}}\n"
    config = good(MODELS + text)
    assert config.routing.router.use == "group"
    assert list(config.groups) == ["g", "(default)"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"groups: {{g: {{members: [a]}}}}\nmatrix: {MATRIX}\n", ("matrix", "groups and matrix exclude each other")),
        (
            "groups: {g: {members: [a]}}\nrouting: {router: {use: group}}\n",
            ("groups", "'groups' cannot stand beside routing.router"),
        ),
        ("routing: {router: {use: matrix}}\n", ("routing.router.use", "there is no matrix to use")),
        ("routing: {router: {use: magic}}\n", ("routing.router.use", "'magic' is none of: group, matrix")),
        ("routing: {scheduler: {use: lifo}}\n", ("routing.scheduler.use", "'lifo' is none of: fifo")),
        ("groups: {g: {members: [a, d]}}\n", ("groups.g.members[1]", "there is no model 'd'")),
        ("groups: {g: {members: [al]}}\n", ("groups.g.members[0]", "'al' is an alias")),
        ("groups: {g: {members: [a, a]}}\n", ("groups.g.members[1]", "model 'a' is in group 'g' already")),
        (
            "groups: {g: {members: [a]}, h: {members: [b, a]}}\n",
            ("groups.h.members[1]", "model 'a' is in group 'g' already"),
        ),
        (
            "routing: {scheduler: {settings: {fifo: {priority: {nope: 1}}}}}\n",
            ("routing.scheduler.settings.fifo.priority.nope", "there is no model 'nope'"),
        ),
        (
            "routing: {scheduler: {settings: {fifo: {priority: {al: 1}}}}}\n",
            ("routing.scheduler.settings.fifo.priority.al", "'al' is an alias"),
        ),
        (
            "routing: {scheduler: {settings: {fifo: {priority: {a: high}}}}}\n",
            ("routing.scheduler.settings.fifo.priority.a", "must be a whole number, not the text 'high'"),
        ),
        (
            "routing: {scheduler: {settings: {fifo: {patience: 0}}}}\n",
            ("routing.scheduler.settings.fifo.patience", "must be at least 1, not 0"),
        ),
    ],
)
def test_a_mistake_is_named_where_the_person_wrote_it(errors, text, found):
    assert errors(MODELS + text) == [found]


def test_later_problems_can_ask_for_places_by_the_new_path(load_text):
    loaded = load_text("models: {}\nmatrix:\n  sets:\n    one: a &\n")
    place = loaded.place("routing", "router", "settings", "matrix", "sets", "one")
    assert (place.path, place.line, place.column) == ("matrix.sets.one", 4, 10)
    assert loaded.place("routing", "nothing").path == "matrix"


def test_strip_params_is_still_understood_unless_the_new_key_is_there(good):
    text = """
models:
  old: {cmd: "x ${PORT}", filters: {strip_params: "b, a"}}
  both: {cmd: "x ${PORT}", filters: {strip_params: "b", stripParams: "c"}}
  empty: {cmd: "x ${PORT}", filters: {strip_params: "b", stripParams: ""}}
"""
    assert [model.filters.strip_params for model in good(text).models.values()] == [("a", "b"), ("c",), ("b",)]


def test_an_old_list_of_models_as_profile_is_refused_with_advice(load_text):
    (problem,) = load_text(MODELS + "profiles:\n  p: [a, b]\n").problems[:1]
    assert (problem.path, problem.line, problem.message) == ("profiles.p", 3, "a profile is no longer a list of models")
