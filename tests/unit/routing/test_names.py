"""Which model a name stands for: id before alias before full peer name before bare peer name."""

from __future__ import annotations

import pytest

from swaplab_core.config.schema import Config, ModelConfig, Peer
from swaplab_core.routing.names import Local, Names, Remote


def model(name, *aliases):
    return ModelConfig(id=name, aliases=aliases)


def peer(*models):
    return Peer(proxy="http://peer.example", models=models)


def names(*models, **peers):
    return Names.of(Config(models={model.id: model for model in models}, peers=peers))


def test_a_model_is_found_by_its_id_and_by_each_alias():
    table = names(model("org/a:Q4", "a", "the first"), model("b"))

    assert [table.find(name).id for name in ("org/a:Q4", "a", "the first", "b")] == ["org/a:Q4"] * 3 + ["b"]
    assert isinstance(table.find("a"), Local)


@pytest.mark.parametrize("name", ["", "A", "a ", "org", "org/", "lab", "lab/", "nobody"])
def test_nothing_else_is_found(name):
    assert names(model("org/a", "a"), lab=peer("m")).find(name) is None


def test_the_full_name_of_a_peer_model_is_exact_and_both_parts_may_hold_slashes():
    table = Names.of(Config(peers={"eu/lab": peer("org/m", "n")}))

    found = table.find("eu/lab/org/m")

    assert isinstance(found, Remote)
    assert (found.peer_id, found.model, found.id) == ("eu/lab", "org/m", "eu/lab/org/m")
    assert table.find("org/m") == found
    assert table.find("lab/org/m") is None


def test_a_bare_peer_name_counts_only_while_one_peer_has_it():
    table = names(one=peer("shared", "only"), two=peer("shared"))

    assert table.find("shared") is None
    assert table.find("only").id == "one/only"
    assert (table.find("one/shared").id, table.find("two/shared").id) == ("one/shared", "two/shared")


def test_a_model_that_one_peer_names_twice_is_not_ambiguous():
    assert names(one=peer("m", "m")).find("m").id == "one/m"


def test_ids_and_aliases_win_over_bare_peer_names():
    table = names(model("m"), model("a", "n"), lab=peer("m", "n", "o"))

    assert [table.find(name).id for name in ("m", "n", "o", "lab/m", "lab/n")] == ["m", "a", "lab/o", "lab/m", "lab/n"]


def test_a_full_peer_name_wins_over_an_equal_bare_one():
    table = names(lab=peer("m"), other=peer("lab/m"))

    assert table.find("lab/m").id == "lab/m"
    assert table.find("other/lab/m").model == "lab/m"


def test_an_id_wins_over_an_equal_alias():
    assert names(model("a", "b"), model("b")).find("b").id == "b"
