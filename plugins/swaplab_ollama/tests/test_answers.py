"""What a model said, read from what engines answer."""

from __future__ import annotations

import orjson
import pytest

from swaplab_core.domain.errors import UpstreamError
from swaplab_ollama.answers import NOTHING, AnswerReader, Figures, Piece, error_message


def read(*events):
    """Reader and pieces, the last one for the end."""
    reader = AnswerReader()
    pieces = [reader.read(event if isinstance(event, bytes) else orjson.dumps(event)) for event in events]
    return reader, [*pieces, reader.rest()]


def said(*events):
    return sum(read(*events)[1], NOTHING)


def delta(reason=None, **fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


def fragment(index, **fields):
    return delta(tool_calls=[{"index": index, **fields}])


def test_text_and_thinking_of_a_chat():
    events = [delta(role="assistant", content=None), delta(reasoning_content="Hm"), delta(content="Hi"), delta("stop")]
    reader, pieces = read(*events, b"[DONE]")
    assert pieces == [NOTHING, Piece(thinking="Hm"), Piece("Hi"), NOTHING, NOTHING, NOTHING]
    assert (reader.reason, reader.is_complete) == ("stop", True)


def test_some_engines_call_it_reasoning():
    assert said(delta(reasoning="Hm")) == Piece(thinking="Hm")


def test_a_whole_answer_reads_like_one_event():
    message = {"role": "assistant", "content": "Hi", "reasoning_content": "Hm"}
    reader, pieces = read({"choices": [{"message": message, "finish_reason": "length"}]})
    assert pieces[0] == Piece("Hi", "Hm")
    assert (reader.reason, reader.is_complete) == ("length", True)


def test_a_completion_has_text():
    assert said({"choices": [{"text": "Hi", "finish_reason": None}]}) == Piece("Hi")


@pytest.mark.parametrize(("kind", "reason"), [("eos", "stop"), ("limit", "length"), ("word", "stop")])
def test_llama_cpps_own_form(kind, reason):
    events = [{"content": "H", "stop": False}, {"content": "i", "stop": True, "stop_type": kind, "tokens_predicted": 2}]
    reader, pieces = read(*events)
    assert sum(pieces, NOTHING) == Piece("Hi")
    assert (reader.reason, reader.is_complete, reader.figures.output_tokens) == (reason, True, 2)


def test_a_call_is_put_together_from_its_fragments():
    events = [
        delta(content="Well. "),
        fragment(0, id="x", function={"name": "add", "arguments": ""}),
        fragment(0, function={"arguments": '{"a": '}),
        fragment(0, function={"arguments": "1}"}),
        delta("tool_calls"),
    ]
    reader, pieces = read(*events)
    call = {"id": "x", "function": {"index": 0, "name": "add", "arguments": {"a": 1}}}
    assert pieces == [Piece("Well. "), NOTHING, NOTHING, NOTHING, NOTHING, Piece(tool_calls=(call,))]
    assert reader.reason == "stop"


def test_several_calls_may_come_mixed():
    calls = [(0, "add", '{"a":'), (1, "sub", '{"b":'), (0, "", "1}"), (1, "", "2}")]
    events = [fragment(index, function={"name": name, "arguments": text}) for index, name, text in calls]
    found = [(call["function"]["name"], call["function"]["arguments"]) for call in said(*events).tool_calls]
    assert found == [("add", {"a": 1}), ("sub", {"b": 2})]


def test_calls_of_a_whole_answer_have_no_index():
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} for name in ("add", "sub")]
    found = said({"choices": [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]})
    assert [call["function"]["name"] for call in found.tool_calls] == ["add", "sub"]


def test_a_call_without_arguments_has_none():
    (call,) = said(fragment(0, function={"name": "now"})).tool_calls
    assert call == {"function": {"index": 0, "name": "now", "arguments": {}}}


@pytest.mark.parametrize("arguments", ['{"a": 1', "[1]", "7"])
def test_a_call_that_makes_no_sense_stays_text(arguments):
    assert said(fragment(0, function={"name": "add", "arguments": arguments})) == Piece(f"add({arguments})")


def test_it_has_begun_with_the_first_thing_the_model_says():
    reader = AnswerReader()
    for event, begun in [(delta(role="assistant"), False), (fragment(0, function={"name": "add"}), True)]:
        reader.read(orjson.dumps(event))
        assert reader.has_begun is begun


def test_figures_come_from_usage_and_timings():
    usage = {"prompt_tokens": 10, "completion_tokens": 3}
    timings = {"prompt_n": 4, "prompt_ms": 1.5, "predicted_n": 3, "predicted_ms": 20}
    reader, _ = read(delta("stop"), {"choices": [], "usage": usage}, {"choices": [], "timings": timings})
    assert reader.figures == Figures(10, 3, 1_500_000, 20_000_000)


def test_timings_alone_tell_the_tokens_too():
    reader, _ = read({"choices": [], "timings": {"prompt_n": 4, "cache_n": 6, "predicted_n": 3}})
    assert reader.figures == Figures(10, 3)


def test_what_makes_no_sense_counts_as_not_said():
    reader, pieces = read(
        {"choices": "?", "usage": 7, "timings": {"prompt_ms": -1, "predicted_ms": True}},
        {"choices": [7]},
        {"choices": [{"delta": {"content": ["Hi"], "tool_calls": ["?"]}, "finish_reason": 7}]},
    )
    assert pieces == [NOTHING] * 4
    assert reader.figures == Figures()
    assert not reader.is_complete


def test_logprobs_have_the_same_form():
    entry = {"token": "H", "logprob": -0.1, "bytes": [72]}
    given = {**entry, "id": 7, "top_logprobs": [{**entry, "id": 7}]}
    found = said({"choices": [{"delta": {"content": "H"}, "logprobs": {"content": [given]}}]})
    assert found.logprobs == ({**entry, "top_logprobs": [entry]},)


@pytest.mark.parametrize("error", [{"message": "out of memory", "code": 500}, "out of memory"])
def test_an_error_in_the_stream_is_an_error(error):
    with pytest.raises(UpstreamError, match=r"^out of memory$"):
        read({"error": error})


@pytest.mark.parametrize("data", [b"{", b"[1]", b'"text"'])
def test_so_is_what_is_no_object(data):
    with pytest.raises(UpstreamError, match="no JSON object"):
        read(data)


@pytest.mark.parametrize(
    ("error", "text"), [("a", "a"), ({"message": "a"}, "a"), ({"detail": "a"}, '{"detail":"a"}'), (["a"], '["a"]')]
)
def test_errors_have_many_shapes(error, text):
    assert error_message(error) == text
