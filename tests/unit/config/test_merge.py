"""Several files."""

from __future__ import annotations

import pytest

A = "models:\n  a: {cmd: 'x ${PORT}'}\n"
B = "models:\n  b: {cmd: 'x ${PORT}'}\n"


def test_models_of_all_files_are_there_in_the_order_of_the_files(good):
    config = good(("2.yaml", B), ("1.yaml", A))
    assert list(config.models) == ["b", "a"]
    assert [config.models["a"].port, config.models["b"].port] == [5800, 5801]


def test_sections_add_up(good):
    config = good(
        (
            "1.yaml",
            A + "apiKeys: [one]\nmacros: {p: x}\ntimeouts:\nrouting: {scheduler: {settings: {fifo: {patience: 2}}}}\n",
        ),
        (
            "2.yaml",
            "apiKeys: [two]\nmacros: {q: 'y-${p}'}\nrouting: {scheduler: {settings: {fifo: {priority: {a: 1}}}}}\n",
        ),
        ("3.yaml", "models: {c: {cmd: '${q} ${PORT}'}}\n"),
    )
    assert config.api_keys == ("one", "two")
    assert config.models["c"].options.cmd[0] == "y-x"
    fifo = config.routing.scheduler.settings.fifo
    assert (fifo.patience, dict(fifo.priority)) == (2, {"a": 1})


def test_empty_files_are_skipped(good):
    assert list(good(("1.yaml", "# nothing\n"), ("2.yaml", A), ("3.yaml", "")).models) == ["a"]


def test_no_file_at_all_is_an_empty_configuration(good):
    assert dict(good().models) == {}


def test_equal_scalars_agree_and_an_empty_one_yields(good):
    config = good(("1.yaml", "logLevel: warn\nglobalTTL:\n"), ("2.yaml", "logLevel: warn\nglobalTTL: 5\n"))
    assert (config.log_level, config.global_ttl_seconds) == ("warn", 5)
    assert good(("1.yaml", "globalTTL: 5\n"), ("2.yaml", "globalTTL:\n")).global_ttl_seconds == 5


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ("logLevel: warn\n", "logLevel: info\n", "logLevel"),
        ("globalTTL: 5\n", "globalTTL: '5'\n", "globalTTL"),
        ("globalTTL: 5\n", "globalTTL: ~\n", "globalTTL"),
        ("apiKeys: [a]\n", "apiKeys: a\n", "apiKeys"),
        ("macros: {a: 1}\n", "macros: {a: 2}\n", "macros.a"),
        ("hooks: {on_startup: {preload: []}}\n", "hooks: {on_startup: later}\n", "hooks.on_startup"),
    ],
)
def test_a_conflict_names_both_places(load_text, first, second, path):
    loaded = load_text(("1.yaml", first), ("2.yaml", "# head\n" + second))
    found = [problem for problem in loaded.problems if "conflicts" in problem.message]
    assert [(problem.file, problem.line, problem.path, problem.message) for problem in found] == [
        ("2.yaml", 2, path, "this conflicts with 1.yaml, line 1")
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (A, "models.a"),
        ("groups: {g: {members: []}}\n", "groups.g"),
        ("peers: {p: {proxy: 'http://h', models: [m]}}\n", "peers.p"),
        ("profiles: {p: {pins: {a: ~}}}\n", "profiles.p"),
        ("selectors: {s: {strategy: pin, targets: [a]}}\n", "selectors.s"),
        ("routing: {router: {settings: {groups: {g: {members: []}}}}}\n", "routing.router.settings.groups.g"),
        ("matrix: {sets: {s: a}}\n", "matrix.sets"),
    ],
)
def test_what_has_a_name_is_defined_once_even_if_it_is_equal(load_text, text, path):
    loaded = load_text(("1.yaml", text), ("2.yaml", text))
    found = [(problem.path, problem.file) for problem in loaded.problems if "is defined in 1.yaml" in problem.message]
    assert found == [(path, "2.yaml")]


def test_problems_know_their_file(load_text):
    loaded = load_text(("1.yaml", A), ("2.yaml", "models:\n  b: {cmd: 'x ${PORT}', ttl: x}\n"), ("3.yaml", "[]"))
    assert [(problem.file, problem.line) for problem in loaded.problems] == [("3.yaml", 1)]
    loaded = load_text(("1.yaml", A), ("2.yaml", "models:\n  b: {cmd: 'x ${PORT}', ttl: x}\n"))
    assert [(problem.file, problem.line) for problem in loaded.problems] == [("2.yaml", 2)]


def test_variables_are_put_in_file_by_file(good):
    texts = (("1.yaml", "apiKeys: [${env.A}]\n"), ("2.yaml", "apiKeys: [${env.B}]\n"))
    assert good(*texts, environment={"A": "1", "B": "2"}).api_keys == ("1", "2")
