"""What somebody is told who asked for a name that is not there."""

from __future__ import annotations

from swaplab_core.services.models.suggestions import NAMES_IN_AN_ERROR, known_names


def test_a_likely_meant_name_is_proposed():
    assert known_names("qwen33", ["llama", "qwen3"]) == "did you mean 'qwen3'?"


def test_without_a_likely_one_all_are_named():
    assert known_names("gpt-4o", ["llama", "qwen3"]) == "there are: llama, qwen3"


def test_of_many_some_are_named_and_the_rest_counted():
    many = [f"model-{number}" for number in range(NAMES_IN_AN_ERROR + 3)]

    said = known_names("gpt-4o", many)

    assert said.endswith(f"model-{NAMES_IN_AN_ERROR - 1} and 3 more")
    assert known_names("gpt-4o", many[:NAMES_IN_AN_ERROR]).endswith(f"model-{NAMES_IN_AN_ERROR - 1}")


def test_an_empty_configuration_is_said_to_be_empty():
    assert known_names("x", []) == "the configuration has no models"
    assert known_names("x", [], what="profiles") == "the configuration has no profiles"
