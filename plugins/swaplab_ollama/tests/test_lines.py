"""What a model said, as Ollama writes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from swaplab_ollama.answers import Figures, Piece
from swaplab_ollama.lines import Times, encoded, last_line, line, timestamp, work
from swaplab_ollama.requests import Voice

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
HEAD = {"model": "m", "created_at": "2026-01-02T03:04:05.678901Z"}
CALL = {"function": {"name": "add", "arguments": {}}}


def test_a_piece_of_a_chat():
    assert line(Voice.CHAT, "m", NOW, Piece("Hi")) == {
        **HEAD,
        "message": {"role": "assistant", "content": "Hi"},
        "done": False,
    }


def test_with_everything():
    piece = Piece("Hi", "Hm", (CALL,), ({"token": "Hi", "logprob": 0.0},))
    assert line(Voice.CHAT, "m", NOW, piece) == {
        **HEAD,
        "message": {"role": "assistant", "content": "Hi", "thinking": "Hm", "tool_calls": [CALL]},
        "logprobs": [{"token": "Hi", "logprob": 0.0}],
        "done": False,
    }


def test_a_piece_of_a_generation():
    assert line(Voice.GENERATE, "m", NOW, Piece("Hi")) == {**HEAD, "response": "Hi", "done": False}
    assert line(Voice.GENERATE, "m", NOW, Piece("Hi", "Hm"))["thinking"] == "Hm"


def test_the_last_line_says_why_and_how():
    end = last_line(Voice.GENERATE, "m", NOW, reason="length", figures={"eval_count": 3})
    assert end == {**HEAD, "response": "", "done": True, "done_reason": "length", "eval_count": 3}


def test_an_engine_that_gives_no_reason_has_stopped():
    assert last_line(Voice.CHAT, "m", NOW, reason="")["done_reason"] == "stop"


def test_work_as_the_engine_tells_it():
    times = Times(asked=1_000, head=1_500, first=2_000, end=5_000)
    assert work(Figures(10, 3, 200, 2_900), times) == {
        "total_duration": 4_000,
        "load_duration": 800,
        "prompt_eval_duration": 200,
        "eval_duration": 2_900,
        "prompt_eval_count": 10,
        "eval_count": 3,
    }


def test_work_by_our_own_clock():
    times = Times(asked=1_000, head=1_500, first=2_000, end=5_000)
    assert work(Figures(), times) == {
        "total_duration": 4_000,
        "load_duration": 500,
        "prompt_eval_duration": 500,
        "eval_duration": 3_000,
    }


def test_a_load_never_takes_less_than_no_time():
    assert work(Figures(prompt_ns=10_000), Times(1_000, 1_500, 2_000, 5_000))["load_duration"] == 0


def test_times_are_written_in_utc():
    assert timestamp(NOW.astimezone(timezone(timedelta(hours=2)))) == HEAD["created_at"]


def test_a_line_is_a_line():
    assert encoded({"a": "b\nc"}) == b'{"a":"b\\nc"}\n'
