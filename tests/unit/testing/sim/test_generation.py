from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.testing.sim.generation import Stopwatch, count_tokens, pieces_of, plan_generation, speak
from swaplab_core.testing.sim.options import SimOptions

SAY = SimOptions(say="one two three")


@given(st.text())
def test_the_pieces_join_to_the_text(text):
    assert "".join(pieces_of(text)) == text


def test_without_limits_the_text_is_said_once():
    generation = plan_generation(SAY, {})
    assert generation.text == "one two three"
    assert not generation.is_cut


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict"])
def test_a_limit_cuts_the_text(key):
    generation = plan_generation(SAY, {key: 2})
    assert generation.text == "one two"
    assert generation.is_cut


def test_a_limit_of_minus_one_is_no_limit():
    assert plan_generation(SAY, {"n_predict": -1}).text == "one two three"


def test_the_configured_number_of_tokens_repeats_the_text():
    assert plan_generation(SimOptions(say="one two", tokens=5), {}).text == "one twoone twoone"


def test_ignoring_the_end_of_text_reaches_the_limit_exactly():
    assert plan_generation(SAY, {"ignore_eos": True, "max_tokens": 50}).count == 50


def test_a_minimum_is_kept():
    assert plan_generation(SAY, {"min_tokens": 7}).count == 7


def test_nothing_to_say_is_an_empty_answer():
    generation = plan_generation(SimOptions(say=""), {"min_tokens": 3})
    assert (generation.count, generation.text) == (0, "")


def test_a_limit_that_is_no_number_is_ignored():
    assert plan_generation(SAY, {"max_tokens": "2", "min_tokens": None}).text == "one two three"


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"messages": [{"role": "user", "content": "a b"}, {"role": "assistant", "content": "c"}]}, 3),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a b"}, {"type": "image_url"}]}]}, 2),
        ({"prompt": "a b c"}, 3),
        ({"prompt": ["a", "b c"]}, 3),
        ({"prompt": [101, 102]}, 2),
        ({"input": [{"role": "user", "content": "a"}], "instructions": "b c"}, 3),
        ({"input_prefix": "a", "input_suffix": "b"}, 2),
        ({}, 0),
    ],
)
def test_prompts_are_counted_in_words(body, tokens):
    assert count_tokens(body) == tokens


def test_a_declared_prompt_length_wins_over_counting():
    generation = plan_generation(SimOptions(prompt_tokens=25, cached_tokens=5), {"prompt": "a"})
    assert (generation.prompt_tokens, generation.cached_tokens) == (25, 5)


def test_speaking_says_every_piece_and_counts_them():
    stopwatch = Stopwatch(time.monotonic())

    async def main() -> list[str]:
        return [piece async for piece in speak(SAY, plan_generation(SAY, {}), stopwatch)]

    assert asyncio.run(main()) == ["one", " two", " three"]
    assert stopwatch.tokens == 3


def test_the_rate_is_an_upper_limit():
    options = SimOptions(say="one two three four five", tokens_per_second=100, first_token_seconds=0.02)
    stopwatch = Stopwatch(time.monotonic())

    async def main() -> None:
        async for _ in speak(options, plan_generation(options, {}), stopwatch):
            pass

    asyncio.run(main())
    assert stopwatch.prompt_seconds >= 0.019
    assert stopwatch.ended - stopwatch.began >= 0.02 + 4 * 0.01 - 0.001
