"""`apiKeys` and `allowedHosts`."""

from __future__ import annotations

import pytest

from swaplab_core.config.schema import ApiKey


def test_keys_are_plain_text_or_say_what_they_may(good):
    config = good("apiKeys: [one, {key: two}, {key: 3, admin: true}, '${env.KEY}']\n", environment={"KEY": "four"})

    assert config.api_keys == ("one", ApiKey("two"), ApiKey("3", admin=True), "four")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{}", "'key' is missing"),
        ("{key: ''}", "is empty"),
        ("{key: a b}", "key 0 holds a space"),
        ("{key: k, admin: perhaps}", "must be true or false"),
        ("[k]", "must be text, not a list"),
        ("''", "key 0 is empty"),
    ],
)
def test_a_wrong_entry_is_named(errors, entry, message):
    assert any(message in found for _, found in errors(f"apiKeys:\n  - {entry}\n"))


def test_an_unknown_word_in_an_entry_is_a_warning(load_text):
    loaded = load_text("apiKeys:\n  - {key: k, amdin: true}\n")

    assert loaded.config.api_keys == (ApiKey("k"),)
    assert ["unknown key 'amdin' is ignored" in str(problem) for problem in loaded.problems] == [True]


def test_no_key_is_shown_where_a_configuration_is(good):
    assert "sec" + "ret" not in repr(good("apiKeys: [secret-one, {key: secret-two}]\n"))


@pytest.mark.parametrize("name", ["models.example.org", "spark-1", "a.b_c"])
def test_an_allowed_host_is_a_name(good, name):
    assert good(f"allowedHosts: [{name}]\n").allowed_hosts == (name,)


@pytest.mark.parametrize("name", ["https://models.example.org", "models.example.org:8080", "'*'", "a b", "''"])
def test_what_is_no_name_is_refused_with_an_example(errors, name):
    (found,) = errors(f"allowedHosts: [{name}]\n")

    assert "is no name of a host" in found[1]


def test_a_list_where_a_mapping_must_be_is_one_problem(load_text):
    """What stands in it is not read, so nothing is said of its keys."""
    problems = load_text("models:\n  - name: a\n    cmd: serve\n").problems
    assert [problem.message for problem in problems] == ["must be a mapping, not a list"]
