"""Tokens and speeds as the engines write them. The llama.cpp and vLLM messages are shaped like real ones."""

from __future__ import annotations

import pytest

from swaplab_core.plugin import Usage, merge_usage, read_usage

LLAMACPP_CHAT = {
    "choices": [{"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": "Hello."}}],
    "usage": {
        "completion_tokens": 2,
        "prompt_tokens": 21,
        "total_tokens": 23,
        "prompt_tokens_details": {"cached_tokens": 16},
    },
    "timings": {
        "cache_n": 16,
        "prompt_n": 5,
        "prompt_ms": 0.99,
        "prompt_per_second": 5050.5,
        "predicted_n": 2,
        "predicted_ms": 0.966,
        "predicted_per_second": 1035.2,
    },
}


@pytest.mark.parametrize(
    ("message", "usage"),
    [
        pytest.param(
            {"usage": {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}},
            Usage(input_tokens=10, output_tokens=3, cached_tokens=4),
            id="OpenAI chat",
        ),
        pytest.param(
            {
                "usage": {
                    "prompt_tokens": 9,
                    "completion_tokens": 8,
                    "completion_tokens_details": {"accepted_prediction_tokens": 5, "rejected_prediction_tokens": 2},
                }
            },
            Usage(9, 8, draft_tokens=7, draft_accepted_tokens=5),
            id="SGLang with speculative decoding",
        ),
        pytest.param(
            {
                "usage": {
                    "prompt_tokens": 9,
                    "completion_tokens": 8,
                    "completion_tokens_details": {"accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
                }
            },
            Usage(9, 8),
            id="OpenAI, which always tells of predictions",
        ),
        pytest.param(
            {"type": "response.completed", "response": {"usage": {"input_tokens": 7, "output_tokens": 2}}},
            Usage(input_tokens=7, output_tokens=2),
            id="OpenAI Responses event",
        ),
        pytest.param(
            {"usage": {"input_tokens": 7, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 5}}},
            Usage(input_tokens=7, output_tokens=2, cached_tokens=5),
            id="OpenAI Responses",
        ),
        pytest.param(
            {"type": "message_start", "message": {"usage": {"input_tokens": 9, "cache_read_input_tokens": 0}}},
            Usage(input_tokens=9, cached_tokens=0),
            id="Anthropic message_start",
        ),
        pytest.param(
            LLAMACPP_CHAT,
            Usage(5, 2, 16, prompt_per_second=5050.5, output_per_second=1035.2),
            id="llama.cpp timings win",
        ),
        pytest.param(
            {"timings": {"prompt_n": 3, "predicted_n": 8, "draft_n": 10, "draft_n_accepted": 7}},
            Usage(3, 8, draft_tokens=10, draft_accepted_tokens=7),
            id="llama.cpp with a draft model",
        ),
        pytest.param(
            {
                "usage": {
                    "prompt_tokens": 1100,
                    "completion_tokens": 5,
                    "prompt_tokens_details": {"cached_tokens": 100},
                },
                "metrics": {
                    "time_to_first_token_ms": 500,
                    "mean_itl_ms": 20,
                    "tokens_per_second": 1,
                    "speculative_decoding": {"num_draft_tokens": 4, "num_accepted_draft_tokens": 3},
                },
            },
            Usage(1100, 5, 100, 4, 3, prompt_per_second=2000, output_per_second=50),
            id="vLLM metrics",
        ),
    ],
)
def test_each_engine_is_understood(message, usage):
    assert read_usage(message) == usage


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"usage": None},
        {"usage": []},
        {"usage": {"prompt_tokens": "12"}},
        {"usage": {"prompt_tokens": True}},
        {"usage": {"prompt_tokens": -1}},
        {"usage": {"prompt_tokens": 10**400}},
        {"timings": {"prompt_per_second": float("inf"), "predicted_per_second": float("nan")}},
        {"timings": {"draft_n": 3}},
        {"metrics": {"time_to_first_token_ms": 0, "mean_itl_ms": 0}},
        {"choices": [{"delta": {"content": "hi"}}]},
    ],
)
def test_what_makes_no_sense_counts_as_not_said(message):
    assert read_usage(message) is None


def test_a_later_event_of_a_stream_wins():
    assert merge_usage(Usage(9, 1, cached_tokens=4), Usage(output_tokens=30)) == Usage(9, 30, cached_tokens=4)


def test_a_later_zero_hides_no_positive_count():
    assert merge_usage(Usage(input_tokens=9), Usage(input_tokens=0, output_tokens=0)) == Usage(9, 0)
