"""What becomes of `options`."""

from __future__ import annotations

from pathlib import Path

import pytest

from swaplab_core.domain.errors import InvalidRequest
from swaplab_ollama.options import OPTIONS, Ignored, Sent, read_options

README = (Path(__file__).parent.parent / "README.md").read_text()


@pytest.mark.parametrize("options", [None, {}, {"temperature": None}])
def test_nothing_said_is_nothing_sent(options):
    assert read_options(options) == ({}, ())


def test_most_options_keep_their_names():
    given = {"temperature": 0.5, "top_p": 1, "top_k": 40, "min_p": 0.1, "seed": 7, "stop": ["a", "b"], "mirostat": 2}
    assert read_options(given) == (given, ())


def test_others_are_called_differently_by_the_engines():
    given = {"num_predict": 5, "num_keep": 3, "repeat_penalty": 1.1}
    sent = {"max_tokens": 5, "n_keep": 3, "repeat_penalty": 1.1, "repetition_penalty": 1.1}
    assert read_options(given) == (sent, ())


@pytest.mark.parametrize("number", [-1, -2, 0])
def test_no_limit_of_tokens_is_said_by_leaving_it_out(number):
    assert read_options({"num_predict": number}) == ({}, ())


def test_what_belongs_to_the_engines_start_is_left_out_and_named():
    assert read_options({"num_ctx": 4096, "temperature": 1, "num_gpu": 99}) == (
        {"temperature": 1},
        ("num_ctx", "num_gpu"),
    )


def test_so_is_what_nobody_knows():
    assert read_options({"temprature": 1}) == ({}, ("temprature",))


def test_a_whole_number_may_be_written_with_a_point():
    sent, _ = read_options({"top_k": 40.0})
    assert sent == {"top_k": 40}
    assert isinstance(sent["top_k"], int)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("temperature", "warm", "a number"),
        ("temperature", True, "a number"),
        ("top_k", 0.5, "an integer"),
        ("top_k", float("inf"), "an integer"),
        ("seed", "7", "an integer"),
        ("stop", "a", "a list of texts"),
        ("stop", [1], "a list of texts"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(option, value, said):
    with pytest.raises(InvalidRequest, match=f"option '{option}' must be {said}"):
        read_options({option: value})


def test_options_are_an_object():
    with pytest.raises(InvalidRequest, match='"options" must be an object'):
        read_options(["temperature"])


@pytest.mark.parametrize(("name", "option"), OPTIONS.items())
def test_every_option_is_in_the_readme(name, option):
    row = next(line for line in README.splitlines() if f"`{name}`" in line)
    if isinstance(option, Ignored):
        assert "left out" in row
    else:
        assert isinstance(option, Sent)
        assert all(f"`{sent}`" in row for sent in option.names)
