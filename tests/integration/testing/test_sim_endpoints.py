"""Each endpoint of the simulated engine, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import struct

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from swaplab_core.testing.sim import MetricsStyle, SimEngine, SimOptions, TimingsStyle
from swaplab_core.testing.sim.application import application
from swaplab_core.testing.sim.media import MP3_FRAME

SAY = SimOptions(say="one two three", model="m")
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello there"}]}
PATHS = ["/v1/chat/completions", "/chat/completions"]


@pytest.mark.parametrize("path", PATHS)
def test_chat_answers_text_usage_and_timings(ask, path):
    reply = ask("POST", path, SAY, json=CHAT).json
    assert reply["object"] == "chat.completion"
    assert reply["choices"][0] == {
        "index": 0,
        "message": {"role": "assistant", "content": "one two three"},
        "finish_reason": "stop",
    }
    assert reply["usage"]["prompt_tokens"] == 2
    assert reply["usage"]["completion_tokens"] == 3
    assert reply["timings"]["predicted_n"] == 3


def test_chat_shows_what_it_received(ask):
    answer = ask("POST", "/v1/chat/completions", SAY, data=b'{"model": "m",  "messages": []}')
    assert answer.json["sim"] == {"content_length": "31", "body": '{"model": "m",  "messages": []}'}


def test_chat_streams_role_pieces_finish_and_done(ask):
    answer = ask("POST", "/v1/chat/completions", SAY, json={**CHAT, "stream": True})
    assert answer.headers["Content-Type"] == "text/event-stream"
    first, *pieces, last, done = answer.events
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert [event["choices"][0]["delta"]["content"] for event in pieces] == ["one", " two", " three"]
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["timings"]["predicted_n"] == 3
    assert "usage" not in last
    assert done == "[DONE]"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions?stream=true", CHAT),
        ("/v1/chat/completions", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
    ],
)
def test_usage_comes_in_an_event_without_choices_when_wanted(ask, path, body):
    *_, usage, _ = ask("POST", path, SimOptions(say="a b", prompt_tokens=25, cached_tokens=5), json=body).events
    assert usage["choices"] == []
    assert usage["usage"] == {
        "prompt_tokens": 25,
        "completion_tokens": 2,
        "total_tokens": 27,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    assert usage["timings"]["cache_n"] == 5
    assert usage["timings"]["prompt_n"] == 20


def test_a_token_limit_ends_with_finish_reason_length(ask):
    reply = ask("POST", "/v1/chat/completions", SAY, json={**CHAT, "max_tokens": 2}).json
    assert reply["choices"][0]["message"]["content"] == "one two"
    assert reply["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("timings", "key"), [(TimingsStyle.LLAMACPP, "timings"), (TimingsStyle.VLLM, "metrics"), (TimingsStyle.NONE, None)]
)
def test_the_speed_report_is_the_chosen_engines(ask, timings, key):
    reply = ask("POST", "/v1/completions", SimOptions(timings=timings), json={"prompt": "x"}).json
    assert {"timings", "metrics"} & reply.keys() == ({key} if key else set())


def test_text_completions_answer_and_stream(ask):
    body = {"model": "m", "prompt": "hello"}
    assert ask("POST", "/v1/completions", SAY, json=body).json["choices"][0]["text"] == "one two three"
    *pieces, last, done = ask("POST", "/v1/completions", SAY, json={**body, "stream": True}).events
    assert "".join(event["choices"][0]["text"] for event in pieces) == "one two three"
    assert last["usage"]["completion_tokens"] == 3
    assert done == "[DONE]"


def test_native_completion_stops_in_its_last_event(ask):
    assert ask("POST", "/completion", SAY, json={"prompt": "x"}).json["tokens_predicted"] == 3
    *pieces, last = ask("POST", "/completion", SAY, json={"prompt": "x", "stream": True}).events
    assert "".join(event["content"] for event in pieces) == "one two three"
    assert [event["stop"] for event in pieces] == [False, False, False]
    assert last["stop"] is True
    assert last["timings"]["predicted_n"] == 3


def test_infill_answers_a_list_whose_last_member_has_the_timings(ask):
    reply = ask("POST", "/infill", SAY, json={"input_prefix": "a", "input_suffix": "b"}).json
    assert reply[0]["content"] == "one two three"
    assert reply[-1]["timings"]["predicted_n"] == 3


def test_messages_answer_in_anthropics_shape(ask):
    options = SimOptions(say="one two", prompt_tokens=10, cached_tokens=4)
    reply = ask("POST", "/v1/messages", options, json={**CHAT, "max_tokens": 100}).json
    assert reply["content"] == [{"type": "text", "text": "one two"}]
    assert reply["stop_reason"] == "end_turn"
    assert reply["usage"] == {"input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 2}


def test_messages_stream_anthropics_events(ask):
    answer = ask("POST", "/v1/messages", SAY, json={**CHAT, "max_tokens": 100, "stream": True})
    types = [event["type"] for event in answer.events]
    assert types == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    names = [line.removeprefix("event: ") for line in answer.body.decode().splitlines() if line.startswith("event: ")]
    assert names == types
    assert answer.events[-2]["usage"] == {"output_tokens": 3}


def test_message_tokens_are_counted(ask):
    assert ask("POST", "/v1/messages/count_tokens", json=CHAT).json == {"input_tokens": 2}


def test_responses_answer_in_openais_shape(ask):
    reply = ask("POST", "/v1/responses", SAY, json={"model": "m", "input": "hello there"}).json
    assert reply["status"] == "completed"
    assert reply["output"][0]["content"][0]["text"] == "one two three"
    assert reply["usage"]["input_tokens"] == 2
    assert reply["usage"]["output_tokens"] == 3


def test_responses_stream_numbered_events_that_end_with_the_usage(ask):
    events = ask("POST", "/v1/responses", SAY, json={"model": "m", "input": "x", "stream": True}).events
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == "one two three"
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["usage"]["output_tokens"] == 3


def test_embeddings_are_unit_vectors_that_depend_on_the_input(ask):
    body = {"model": "m", "input": ["a", "b", "a"]}
    data = ask("POST", "/v1/embeddings", json=body).json["data"]
    first, second, third = (item["embedding"] for item in data)
    assert first == third != second
    assert sum(number * number for number in first) == pytest.approx(1)


def test_embeddings_come_in_base64_when_asked(ask):
    plain = ask("POST", "/v1/embeddings", json={"input": "a"}).json["data"][0]["embedding"]
    coded = ask("POST", "/v1/embeddings", json={"input": "a", "encoding_format": "base64"}).json["data"][0]["embedding"]
    assert struct.unpack("<16f", base64.b64decode(coded)) == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("path", ["/v1/rerank", "/v1/reranking", "/rerank", "/reranking"])
def test_reranking_puts_the_best_document_first(ask, path):
    body = {"query": "red apple", "documents": ["a green pear", "a red apple", "red paint"], "top_n": 2}
    results = ask("POST", path, json=body).json["results"]
    assert results == [{"index": 1, "relevance_score": 1.0}, {"index": 2, "relevance_score": 0.5}]


def test_speech_is_a_wav_file_for_our_model_only(ask):
    answer = ask("POST", "/v1/audio/speech", SAY, json={"model": "m", "input": "hi"})
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.body.startswith(b"RIFF")
    assert ask("POST", "/v1/audio/speech", SAY, json={"model": "other", "input": "hi"}).status == 400
    bare = {"model": "m", "input": "one two", "response_format": "pcm"}
    assert len(ask("POST", "/v1/audio/speech", SAY, json=bare).body) == 9600
    mp3 = ask("POST", "/v1/audio/speech", SAY, json={**bare, "response_format": "mp3"})
    assert mp3.headers["Content-Type"] == "audio/mpeg"
    assert mp3.body == MP3_FRAME * 8


def test_transcriptions_tell_what_was_received(ask):
    form = aiohttp.FormData({"model": "whisper"})
    form.add_field("file", b"\0\r\n" * 100, filename="a.wav")
    reply = ask("POST", "/v1/audio/transcriptions", data=form).json
    assert reply["model"] == "whisper"
    assert reply["text"] == "The length of the file is 300 bytes."
    assert reply["content_type"].startswith("multipart/form-data; boundary=")


def test_transcriptions_without_a_file_are_refused(ask):
    form = aiohttp.FormData({"model": "whisper"}, default_to_multipart=True)
    answer = ask("POST", "/v1/audio/transcriptions", data=form)
    assert answer.status == 400
    assert "`file`" in answer.json["error"]["message"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_voices_name_the_model_that_was_asked_for(ask, method):
    assert ask(method, "/v1/audio/voices?model=tts").json["model"] == "tts"


@pytest.mark.parametrize("path", ["/v1/images/generations", "/v1/images/edits"])
def test_images_are_png_files(ask, path):
    picture = ask("POST", path, json={"prompt": "a cat"}).json["data"][0]["b64_json"]
    assert base64.b64decode(picture).startswith(b"\x89PNG")


@pytest.mark.parametrize("path", ["/sdapi/v1/txt2img", "/sdapi/v1/img2img"])
def test_stable_diffusion_echoes_the_model(ask, path):
    assert ask("POST", path, json={"model": "sd", "prompt": "a cat"}).json["model"] == "sd"


def test_there_is_one_lora(ask):
    assert [each["path"] for each in ask("GET", "/sdapi/v1/loras?model=sd").json] == ["ink.safetensors"]


def test_audio_tasks_are_done_at_once(ask):
    assert ask("POST", "/v1/tasks/run", json={"model": "m"}).json == {"status": "done", "received": {"model": "m"}}


def test_models_and_props_tell_the_context(ask):
    options = SimOptions(model="m", context=4321)
    model = ask("GET", "/v1/models", options).json["data"][0]
    assert (model["id"], model["max_model_len"], model["meta"]["n_ctx"]) == ("m", 4321, 4321)
    assert ask("GET", "/props", options).json["default_generation_settings"]["n_ctx"] == 4321


def test_slots_are_as_many_as_configured(ask):
    assert [slot["is_processing"] for slot in ask("GET", "/slots", SimOptions(slots=2)).json] == [False, False]


@pytest.mark.parametrize("key", ["content", "prompt"])
def test_tokens_go_there_and_back(ask, key):
    tokens = ask("POST", "/tokenize", json={key: "héllo"}).json["tokens"]
    assert ask("POST", "/detokenize", json={"tokens": tokens}).json["content"] == "héllo"


def test_tokens_that_are_no_bytes_are_refused(ask):
    assert ask("POST", "/detokenize", json={"tokens": [1000]}).status == 400


def test_vllm_tells_version_load_and_ping(ask):
    assert set(ask("GET", "/version").json) == {"version"}
    assert ask("GET", "/load").json == {"server_load": 0}
    assert ask("GET", "/ping").status == 200


@pytest.mark.parametrize(("style", "prefix"), [(MetricsStyle.VLLM, b"vllm:"), (MetricsStyle.LLAMACPP, b"llamacpp:")])
def test_metrics_speak_the_chosen_engines_names(ask, style, prefix):
    answer = ask("GET", "/metrics", SimOptions(metrics_style=style))
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    names = {line.split()[2] for line in answer.body.splitlines() if line.startswith(b"# TYPE")}
    assert names
    assert all(name.startswith(prefix) for name in names)


def test_test_answers_the_text_and_root_the_method_and_path(ask):
    assert ask("GET", "/test", SAY).body == b"one two three"
    assert ask("GET", "/", SAY).body == b"GET /"


def test_the_environment_is_shown(ask, monkeypatch):
    monkeypatch.setenv("SWAPLAB_TEST_MARK", "seen")
    assert ask("GET", "/env").json["SWAPLAB_TEST_MARK"] == "seen"


def test_the_environment_is_not_shown_by_an_engine_that_others_can_reach():
    async def main() -> int:
        engine = SimEngine(SimOptions(host="0.0.0.0"))  # only told so: it listens on loopback here
        async with TestClient(TestServer(application(engine))) as client, client.get("/env") as response:
            return response.status

    assert asyncio.run(main()) == 403


def test_slow_respond_sends_every_character(ask):
    assert ask("GET", "/slow-respond?echo=abc&delay=1ms").body == b"abc"


@pytest.mark.parametrize("wait", ["5ms", "0.01s", "0"])
def test_wait_delays_and_answers(ask, wait):
    assert ask("POST", f"/v1/chat/completions?wait={wait}", SAY, json=CHAT).status == 200


def test_a_wait_that_is_no_duration_is_refused(ask):
    assert ask("POST", "/v1/chat/completions?wait=soon", SAY, json=CHAT).status == 400


@pytest.mark.parametrize("body", [b"{no json", b"[1]"])
def test_a_body_that_is_no_json_object_is_refused(ask, body):
    answer = ask("POST", "/v1/chat/completions", data=body)
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"


def test_another_model_is_unknown_when_the_model_is_checked(ask):
    options = SimOptions(model="m", check_model=True)
    assert ask("POST", "/v1/chat/completions", options, json=CHAT).status == 200
    assert ask("POST", "/v1/chat/completions", options, json={**CHAT, "model": "x"}).status == 404
    assert ask("POST", "/v1/chat/completions", SAY, json={**CHAT, "model": "x"}).json["model"] == "x"


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer secret"}, {"x-api-key": "secret"}])
def test_with_a_key_only_its_owner_is_served(ask, headers):
    options = SimOptions(api_key="secret")
    assert ask("POST", "/v1/chat/completions", options, json=CHAT, headers=headers).status == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"x-api-key": ""}])
def test_with_a_key_others_are_refused(ask, headers):
    answer = ask("POST", "/v1/chat/completions", SimOptions(api_key="secret"), json=CHAT, headers=headers)
    assert answer.status == 401
    assert answer.json["error"]["type"] == "authentication_error"


def test_health_and_models_need_no_key(ask):
    options = SimOptions(api_key="secret")
    assert ask("GET", "/health", options).json == {"status": "ok"}
    assert ask("GET", "/v1/models", options).status == 200


@pytest.mark.parametrize("status", [200, 404, 429, 503])
def test_a_status_is_answered_as_asked_for(ask, status):
    answer = ask("POST", f"/sim/status/{status}?retry_after=7")
    assert answer.status == status
    assert answer.headers["Retry-After"] == "7"


def test_any_number_of_bytes_is_sent(ask):
    assert len(ask("GET", "/sim/bytes/100001").body) == 100_001


def test_echo_shows_the_request_as_it_came(ask):
    reply = ask("PUT", "/sim/echo/a%2Fb?x=1&x=2", data=b"body", headers={"X-Mark": "y"}).json
    assert reply["method"] == "PUT"
    assert reply["target"] == "/sim/echo/a%2Fb?x=1&x=2"
    assert ["X-Mark", "y"] in reply["headers"]
    assert (reply["body"], reply["body_bytes"]) == ("body", 4)


def test_an_unknown_path_is_404(ask):
    assert ask("GET", "/nothing/here").status == 404
