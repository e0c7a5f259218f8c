"""What a Meter finds in a response. The names are those of llama-swap's conformance list, "Metrics parsing"."""

from __future__ import annotations

import gzip
import sys
import zlib

import orjson
import pytest
from attrs import evolve
from recorded_responses import RECORDED

from swaplab_core.domain.activity import ActivityRow
from swaplab_core.domain.metering import Usage
from swaplab_core.plugin.usage import read_usage
from swaplab_core.runtime.metering import Measured, Meter, Passed
from swaplab_core.runtime.scanning import WHOLE_BYTES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

EVENTS = "text/event-stream"
JSON = "application/json"
NOTHING = Usage()
USAGE = {"prompt_tokens": 25, "completion_tokens": 10, "total_tokens": 35}
TIMINGS = {
    "prompt_n": 25,
    "prompt_ms": 13,
    "predicted_n": 10,
    "predicted_ms": 17,
    "prompt_per_second": 1923.1,
    "predicted_per_second": 588.2,
}


def measure(body, content_type=JSON, *, status=200, coding="", seconds=1.0, **options) -> Measured:
    meter = Meter(100.0, **options)
    meter.headers(status, content_type, coding)
    meter.feed(body, 100.5)
    return meter.end(100.0 + seconds)


def measure_json(value, **options):
    return measure(orjson.dumps(value), **options)


def measure_events(*values, **options):
    lines = [f"data: {value if isinstance(value, str) else orjson.dumps(value).decode()}\n\n" for value in values]
    return measure("".join(lines).encode(), EVENTS, **options)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.name)
def test_what_real_engines_answer_is_understood(recorded):
    measured = measure(recorded.body, recorded.content_type)
    assert measured.usage == recorded.usage
    assert (measured.status, measured.error_msg) == (200, "")
    assert (measured.ttft_ms is not None) == bool(recorded.events)


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("size", [0, 1, WHOLE_BYTES])
@pytest.mark.parametrize("keep_bytes", [0, 100, 2 * WHOLE_BYTES])
def test_a_body_that_comes_at_once_is_understood_alike(status, size, keep_bytes):
    body = orjson.dumps({"usage": USAGE, "timings": TIMINGS, "text": "x" * size, "error": {"message": "no"}})
    passed = Passed(status, JSON, body, started=100.0, sent=100.25, ended=101.0)
    streamed = measure(body, status=status, keep_bytes=keep_bytes)
    assert passed.measured(read_usage, keep_bytes) == evolve(streamed, wait_ms=250.0)


def test_usage():
    assert measure_json({"usage": USAGE}).usage == Usage(25, 10)


def test_timings():
    measured = measure_json({"usage": {**USAGE, "prompt_tokens": 99}, "timings": {**TIMINGS, "cache_n": 7}})
    assert measured.usage == Usage(25, 10, 7, prompt_per_second=1923.1, output_per_second=588.2)


def test_stream():
    chunk = {"choices": [{"delta": {"content": "asdf"}}]}
    measured = measure_events(chunk, chunk, {"usage": USAGE, "timings": TIMINGS}, "[DONE]")
    assert measured.usage == Usage(25, 10, prompt_per_second=1923.1, output_per_second=588.2)


def test_vllm_non_stream():
    metrics = {"time_to_first_token_ms": 500, "mean_itl_ms": 20, "tokens_per_second": 3}
    usage = {"prompt_tokens": 1100, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 100}}
    measured = measure_json({"usage": usage, "metrics": metrics})
    assert measured.usage == Usage(1100, 5, 100, prompt_per_second=2000, output_per_second=50)


def test_vllm_stream():
    metrics = {"time_to_first_token_ms": 500, "mean_itl_ms": 20}
    measured = measure_events(
        {"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 5}, "metrics": metrics}
    )
    assert measured.usage == Usage(1000, 5, prompt_per_second=2000, output_per_second=50)


def test_spec_decoding_full():
    drafts = {"speculative_decoding": {"num_draft_tokens": 8, "num_accepted_draft_tokens": 6}}
    assert measure_json({"usage": USAGE, "metrics": drafts}).usage == Usage(25, 10, None, 8, 6)


def test_spec_decoding_partial():
    drafts = {"speculative_decoding": {"num_draft_tokens": 8}}
    assert measure_json({"usage": USAGE, "metrics": drafts}).usage == Usage(25, 10)


def test_spec_decoding_stream():
    drafts = {"speculative_decoding": {"num_draft_tokens": 8, "num_accepted_draft_tokens": 6}}
    assert measure_events({"usage": USAGE}, {"metrics": drafts}, "[DONE]").usage == Usage(25, 10, None, 8, 6)


def test_timings_drafts_not_overwritten():
    timings = {**TIMINGS, "draft_n": 20, "draft_n_accepted": 15}
    measured = measure_events({"timings": timings}, {"usage": USAGE, "metrics": {"mean_itl_ms": 1}})
    assert (measured.usage.draft_tokens, measured.usage.draft_accepted_tokens) == (20, 15)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"3", b"{", b"\xff", b'{"choices": []}', b'{"usage": null}'])
@pytest.mark.parametrize("content_type", [JSON, EVENTS, "", "audio/mpeg"])
def test_no_data(body, content_type):
    measured = measure(body, content_type)
    assert (measured.usage, measured.error_msg, measured.duration_ms) == (NOTHING, "", 1000)


def test_infill():
    body = [{"content": "a", "timings": {"prompt_n": 1}}, {"content": "b", "timings": TIMINGS}]
    assert measure_json(body).usage == Usage(25, 10, prompt_per_second=1923.1, output_per_second=588.2)


def test_failed_request_capture():
    body = orjson.dumps({"error": {"message": "context too long", "type": "x"}, "usage": USAGE})
    measured = measure(body, status=400, keep_bytes=1000)
    assert (measured.status, measured.usage, measured.error_msg) == (400, NOTHING, "context too long")
    assert measured.body is None


def test_failed_request_status_fallback():
    assert measure(b"<html>", "text/html", status=503).error_msg == "503 Service Unavailable"


def test_a_failed_request_may_be_compressed_or_an_event_stream():
    body = orjson.dumps({"error": "nope"})
    assert measure(gzip.compress(body), coding="gzip", status=500).error_msg == "nope"
    assert measure(body, EVENTS, status=500).error_msg == "nope"
    assert measure(body, coding="gzip", status=500).error_msg == "500 Internal Server Error"


def test_of_an_endless_error_the_status_is_told():
    meter = Meter(0.0)
    meter.headers(500, "text/plain")
    for _ in range(100):
        meter.feed(b"x" * 10_000, 1.0)
    assert meter.end(1.0).error_msg == "500 Internal Server Error"


def test_decompression_failure():
    measured = measure(b'{"usage": {"prompt_tokens": 3}}', coding="gzip", keep_bytes=1000)
    assert measured.error_msg.startswith("the response says it is gzip, but cannot be decoded: ")
    assert (measured.usage, measured.body, measured.is_decoded) == (NOTHING, None, False)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_a_compressed_stream_is_read_as_it_comes(coding):
    compress, flush = {
        "gzip": (zlib.compressobj(wbits=31), zlib.Z_SYNC_FLUSH),
        "deflate": (zlib.compressobj(), zlib.Z_SYNC_FLUSH),
        "zstd": (zstd.ZstdCompressor(), zstd.ZstdCompressor.FLUSH_BLOCK),
    }[coding]
    meter = Meter(0.0)
    meter.headers(200, EVENTS, coding)
    events = ({"choices": [{"delta": {"content": word}}]} for word in ("a", "b", "c"))
    for now, event in enumerate((*events, {"usage": USAGE}), start=1):
        data = b"data: " + orjson.dumps(event) + b"\n\n"
        meter.feed(compress.compress(data) + compress.flush(flush), float(now))
    measured = meter.end(9.0)
    assert (measured.usage, measured.ttft_ms, measured.itl_ms) == (Usage(25, 10), 1000, 1000)


def test_a_coding_that_nobody_knows_is_no_failure():
    measured = measure(b"\x00\x01", coding="br", keep_bytes=10)
    assert (measured.error_msg, measured.body, measured.is_decoded) == ("", b"\x00\x01", False)


def test_a_zero_never_hides_a_positive_count():
    first = {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    last = {"type": "message_delta", "usage": {"input_tokens": 0, "output_tokens": 30}}
    assert measure_events(first, last).usage == Usage(9, 30)


def test_anthropic_tells_the_input_first_and_the_output_last():
    start = {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}}
    words = [{"type": "content_block_delta", "delta": {"type": "text_delta", "text": str(n)}} for n in range(50)]
    deltas = [{"type": "message_delta", "delta": {}, "usage": {"output_tokens": n}} for n in range(20)]
    assert measure_events(start, *words, *deltas).usage == Usage(9, 19)


def test_data_lines_may_lack_the_space_and_end_with_a_carriage_return():
    line = b"data:" + orjson.dumps({"usage": USAGE}) + b"\r\n\r\n"
    assert measure(line, EVENTS).usage == Usage(25, 10)


def test_a_stream_that_breaks_off_tells_what_it_had():
    body = b"data: " + orjson.dumps({"usage": USAGE}) + b"\n\ndata: {"
    assert measure(body, EVENTS).usage == Usage(25, 10)
    assert measure(body.removesuffix(b"\n\ndata: {"), EVENTS).usage == Usage(25, 10)


def test_invalid_json_in_a_stream_is_ignored():
    body = b'data: {"usage": {"prompt_tokens": 7}\n\ndata: {"usage": {"prompt_tokens": 3}}\n\n'
    assert measure(body, EVENTS).usage == Usage(3)


def test_a_message_that_only_talks_of_usage_tells_none():
    text = 'The key "usage": {"prompt_tokens": 1} is in the answer'
    assert measure_json({"choices": [{"message": {"content": text}}]}).usage == NOTHING
    assert measure_events({"choices": [{"delta": {"content": text}}]}).usage == NOTHING


def test_an_error_in_the_middle_of_a_stream_is_told():
    chunk = {"choices": [{"delta": {"content": "a"}}]}
    measured = measure_events(chunk, {"error": {"message": "out of memory", "code": 500}})
    assert (measured.status, measured.error_msg) == (200, "out of memory")


def test_what_the_caller_knows_comes_before_what_the_response_says():
    meter = Meter(0.0)
    meter.headers(500, JSON)
    meter.feed(b'{"error": "x"}', 1.0)
    assert meter.end(1.0, "the client went away").error_msg == "the client went away"


@pytest.mark.parametrize("filler", ["a", "é", '\\"usage\\": {\\"prompt_tokens\\": 1} '])
@pytest.mark.parametrize("order", ["first", "last"])
def test_of_a_giant_body_head_and_tail_are_searched(filler, order):
    text = '"choices": [{"message": {"content": "' + filler * WHOLE_BYTES + '"}}]'
    told = '"usage": ' + orjson.dumps(USAGE).decode() + ', "timings": ' + orjson.dumps(TIMINGS).decode()
    body = f"{{{told}, {text}}}" if order == "first" else f"{{{text}, {told}}}"
    assert measure(body.encode()).usage == Usage(25, 10, prompt_per_second=1923.1, output_per_second=588.2)


def test_the_giant_last_event_of_responses_is_searched():
    output = [{"type": "message", "content": [{"type": "output_text", "text": "a" * WHOLE_BYTES}]}]
    usage = {"input_tokens": 7, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 5}}
    response = {"type": "response.completed", "response": {"output": output, "usage": usage}}
    measured = measure_events({"type": "response.output_text.delta", "delta": "a"}, response)
    assert (measured.usage, measured.itl_ms) == (Usage(7, 2, 5), None)


def test_a_giant_event_is_read_alike_in_one_chunk_and_in_two():
    event = {"choices": [{"delta": {"content": "a" * WHOLE_BYTES}}], "usage": USAGE}
    body = b"data: " + orjson.dumps(event) + b"\n\n"
    whole = measure(body, EVENTS)
    meter = Meter(100.0)
    meter.headers(200, EVENTS)
    for part in (body[:50_000], body[50_000:]):
        meter.feed(part, 100.5)
    assert meter.end(101.0) == whole
    assert whole.usage == Usage(25, 10)


def test_a_hostile_giant_body_costs_little():
    body = b'{"x": [' + b'"usage": {' * WHOLE_BYTES + b'"timings": ' + b"[" * 100_000
    assert measure(body).usage == NOTHING


def test_duration_is_at_least_what_the_engine_says():
    assert measure_json({"timings": TIMINGS}, seconds=0.01).duration_ms == 30
    assert measure_json({"timings": TIMINGS}, seconds=2).duration_ms == 2000
    assert measure_events({"timings": TIMINGS}, seconds=0.01).duration_ms == 30
    assert measure_json({"timings": {"prompt_ms": "x", "predicted_ms": 1e300}}, seconds=2).duration_ms == 2000


def test_times_by_our_own_clock():
    meter = Meter(10.0)
    meter.sent(12.0)
    meter.headers(200, EVENTS)
    meter.feed(b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n', 12.5)
    for now, word in ((13.0, "a"), (13.1, " b"), (13.3, " c")):
        meter.feed(b'data: {"choices":[{"delta":{"content":"' + word.encode() + b'"}}]}\n\n', now)
    meter.feed(b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n', 15.0)
    measured = meter.end(15.5)
    assert (measured.wait_ms, measured.ttft_ms, measured.duration_ms) == (2000, 3000, 5500)
    assert measured.itl_ms == pytest.approx(150)
    assert measured.itl_p95_ms == pytest.approx(195)


@pytest.mark.parametrize(
    "event",
    [
        {"choices": [{"delta": {"content": "x"}}]},
        {"choices": [{"delta": {"content": '"'}}]},
        {"choices": [{"delta": {"content": None, "reasoning_content": "x"}}]},
        {"choices": [{"delta": {"content": "", "reasoning": "x"}}]},
        {"choices": [{"delta": {"tool_calls": [{"function": {"arguments": "{"}}]}}]},
        {"choices": [{"text": "x"}]},
        {"content": "x", "stop": False},
        {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "x"}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "x"}},
        {"type": "response.output_text.delta", "delta": "x"},
        {"type": "response.function_call_arguments.delta", "delta": "x"},
    ],
)
def test_events_that_say_something(event):
    assert measure_events(event).ttft_ms == 500


@pytest.mark.parametrize(
    "event",
    [
        {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"delta": {"role": "assistant", "content": None}}]},
        {"choices": [], "usage": USAGE},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        {"type": "message_start", "message": {"role": "assistant", "content": []}},
        {"type": "content_block_start", "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "response.created", "response": {"instructions": "x", "tools": [{"name": "x"}]}},
        {"type": "response.output_text.done", "text": "the whole text"},
        "[DONE]",
    ],
)
def test_events_that_say_nothing(event):
    assert measure_events(event).ttft_ms is None


def test_a_driver_reads_first_and_what_it_does_not_know_is_read_as_usual():
    def read(message):
        return Usage(input_tokens=message["mine"]["in"]) if "mine" in message else None

    assert measure_json({"mine": {"in": 3}, "usage": USAGE}, read=read).usage == Usage(3)
    assert measure_json({"usage": USAGE}, read=read).usage == Usage(25, 10)


def test_metadata_and_everything_measured_go_into_the_row():
    metadata = {"session_id": "s1"}
    measured = Measured(503, "text/plain", Usage(1, 2), 40, 3.0, 1.0, 0.5, 0.75, "busy", b"body")
    assert measured.row(7, "m", "/p", metadata) == ActivityRow(
        7, "m", "/p", 503, "text/plain", Usage(1, 2), 40, 3.0, 1.0, 0.5, 0.75, "busy", metadata
    )


def test_a_tunnel_is_not_looked_at():
    measured = measure(b'{"usage": {"prompt_tokens": 3}}', status=101, keep_bytes=100)
    assert (measured.status, measured.usage, measured.body) == (101, NOTHING, None)


def test_a_request_that_never_got_an_answer_has_a_duration():
    assert Meter(1.0).end(3.0, "gone") == Measured(0, duration_ms=2000, error_msg="gone")


@pytest.mark.parametrize("status", [201, 204, 302, 304])
def test_other_success_is_no_error(status):
    assert measure(b"", status=status).error_msg == ""


def test_the_body_is_kept_decoded_for_a_capture():
    body = orjson.dumps({"usage": USAGE})
    assert measure(gzip.compress(body), coding="gzip", keep_bytes=len(body)).body == body
    assert measure(gzip.compress(body), coding="gzip", keep_bytes=len(body) - 1).body is None
    assert measure(body).body is None
