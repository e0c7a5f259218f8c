"""The handlers, asked by a caller, and asking a server that follows a script."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime

import orjson
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from swaplab_core.plugin import Call, Reply
from swaplab_core.testing.fake_gateway import EVENTS, Answer, FakeGateway, error_answer, event_answer, json_answer
from swaplab_ollama.adapter import API_VERSION, Clock, Ollama, in_ollamas_words, not_here

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CHAT, MODELS = "/v1/chat/completions", "/api/models"
HELLO = [{"role": "user", "content": "Hi"}]
UNKNOWN = error_answer(404, "no model named that", "unknown-model")


def delta(reason=None, **fields):
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
SAID = event_answer(delta(content="Hel"), delta(content="lo"), delta("stop"), USAGE, "[DONE]")


@frozen
class Answered:
    """A reply with its whole body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self):
        return [orjson.loads(line) for line in self.body.splitlines()]

    @property
    def json(self):
        return orjson.loads(self.body)


async def read(reply: Reply) -> Answered:
    body = reply.body
    whole = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
    return Answered(reply.status, dict(reply.headers), whole)


class Asking:
    """Call a handler: `asking("chat", model=…)`. `server` is what it asks."""

    def __init__(self):
        self.server = FakeGateway()
        ticks = itertools.count(0, 1000)
        self.ollama = Ollama(Clock(lambda: NOW, lambda: next(ticks)))

    def __call__(self, name, **body) -> Answered:
        async def run():
            handler = in_ollamas_words(getattr(self.ollama, name))
            return await read(await handler(Call("POST", "/", body=orjson.dumps(body)), self.server))

        return asyncio.run(run())

    @property
    def asked(self):
        return [(asked.method, asked.path) for asked in self.server.asked]


@pytest.fixture
def asking():
    return Asking()


def state(model, serving=0, waiting=0):
    return {"id": model, "aliases": [], "state": "ready", "serving": serving, "waiting": waiting}


# Chat and generate


def test_a_chat_streams_lines(asking):
    asking.server.script("POST", CHAT, SAID)
    answer = asking("chat", model="m", messages=HELLO)
    assert (answer.status, answer.headers) == (200, {"Content-Type": "application/x-ndjson"})
    assert [line["message"]["content"] for line in answer.lines] == ["Hel", "lo", ""]
    assert [line["done"] for line in answer.lines] == [False, False, True]
    last = answer.lines[-1]
    assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == ("stop", 4, 2)
    assert last["total_duration"] > last["eval_duration"] > 0
    (asked,) = asking.server.asked
    assert asked.json["model"] == "m"
    assert asked.json["messages"] == HELLO


def test_or_answers_at_once(asking):
    asking.server.script("POST", CHAT, SAID)
    answer = asking("chat", model="m", messages=HELLO, stream=False)
    assert answer.headers == {"Content-Type": "application/json"}
    assert answer.json["message"] == {"role": "assistant", "content": "Hello"}
    assert (answer.json["done"], answer.json["eval_count"]) == (True, 2)


def test_a_generation_has_a_response(asking):
    asking.server.script("POST", CHAT, SAID)
    assert "".join(line["response"] for line in asking("generate", model="m", prompt="Hi").lines) == "Hello"
    assert asking("generate", model="m", prompt="Hi", stream=False).json["response"] == "Hello"


def test_an_engine_that_does_not_stream_is_understood(asking):
    message = {"role": "assistant", "content": "Hello"}
    asking.server.script("POST", CHAT, json_answer({"choices": [{"message": message, "finish_reason": "stop"}]}))
    assert [line["message"]["content"] for line in asking("chat", model="m", messages=HELLO).lines] == ["Hello", ""]


def test_calls_come_before_the_last_line(asking):
    call = [{"index": 0, "id": "x", "function": {"name": "add", "arguments": "{}"}}]
    asking.server.script("POST", CHAT, event_answer(delta(tool_calls=call), delta("tool_calls"), "[DONE]"))
    line, last = asking("chat", model="m", messages=HELLO).lines
    assert line["message"]["tool_calls"][0]["function"]["name"] == "add"
    assert (last["done"], last["done_reason"]) == (True, "stop")


def test_what_was_left_out_is_named(asking):
    asking.server.script("POST", CHAT, SAID)
    more = {"options": {"num_ctx": 5}, "keep_alive": "5m"}
    assert asking("chat", model="m", messages=HELLO, **more).headers["X-Swaplab-Ignored"] == "num_ctx, keep_alive"
    headers = asking("chat", model="m", messages=HELLO, stream=False, **more).headers
    assert headers["X-Swaplab-Ignored"] == "num_ctx, keep_alive"


# Names


def test_a_tag_that_is_not_in_the_configuration_is_left_out(asking):
    asking.server.script("POST", CHAT, UNKNOWN, SAID)
    answer = asking("chat", model="m:latest", messages=HELLO)
    assert [asked.json["model"] for asked in asking.server.asked] == ["m:latest", "m"]
    assert {line["model"] for line in answer.lines} == {"m:latest"}


def test_a_model_that_is_not_there_is_not_found(asking):
    asking.server.script("POST", CHAT, UNKNOWN)
    answer = asking("chat", model="m", messages=HELLO)
    assert (answer.status, answer.json) == (404, {"error": "model 'm' not found"})


def test_a_404_of_an_engine_is_none_of_ours(asking):
    asking.server.script("POST", CHAT, error_answer(404, "no such route", "404"))
    assert asking("chat", model="m", messages=HELLO).json == {"error": "no such route"}
    assert len(asking.asked) == 1


# Errors


def test_what_the_server_refuses_is_refused_in_its_words(asking):
    refusal = error_answer(429, "too many requests", "too-many-requests")
    asking.server.script("POST", CHAT, Answer(429, {**refusal.headers, "retry-after": "7"}, refusal.pieces))
    answer = asking("chat", model="m", messages=HELLO)
    assert (answer.status, answer.json) == (429, {"error": "too many requests"})
    assert answer.headers["retry-after"] == "7"


@pytest.mark.parametrize(("body", "said"), [(b"oops", "oops"), (b"", "no reason was given"), (b"[]", "[]")])
def test_an_error_may_have_any_shape(asking, body, said):
    asking.server.script("POST", CHAT, Answer(500, {}, (body,)))
    assert asking("chat", model="m", messages=HELLO).json == {"error": said}


def test_a_request_that_makes_no_sense_is_answered_in_ollamas_words(asking):
    answer = asking("chat", messages=HELLO)
    assert (answer.status, answer.json) == (400, {"error": "model is required"})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (event_answer(delta(content="Hel"), {"error": {"message": "out of memory"}}), "out of memory"),
        (event_answer(delta(content="Hel"), breaks_off=True), "the answer broke off"),
        (event_answer(delta(content="Hel")), "the answer ended in the middle"),
        (event_answer(delta(content="Hel"), "nonsense"), "the engine sent something that is no JSON object: nonsense"),
    ],
)
def test_an_error_in_the_middle_is_the_last_line_or_the_answer(asking, answer, said):
    asking.server.script("POST", CHAT, answer)
    first, last = asking("chat", model="m", messages=HELLO).lines
    assert first["message"]["content"] == "Hel"
    assert last == {"error": said}
    whole = asking("chat", model="m", messages=HELLO, stream=False)
    assert (whole.status, whole.json) == (502, {"error": said})


def test_an_error_before_the_first_word_still_has_its_status(asking):
    asking.server.script("POST", CHAT, event_answer({"error": {"message": "out of memory"}}))
    answer = asking("chat", model="m", messages=HELLO)
    assert (answer.status, answer.json) == (502, {"error": "out of memory"})


# Loading and unloading


def test_without_a_question_the_model_is_loaded(asking):
    asking.server.script("POST", "/api/models/load/a%2Fb", json_answer({}))
    assert asking("chat", model="a/b").json["done_reason"] == "load"
    answer = asking("generate", model="a/b").json
    assert (answer["response"], answer["done"], answer["done_reason"]) == ("", True, "load")


def test_a_tag_may_be_left_out_there_too(asking):
    asking.server.script("POST", "/api/models/load/m%3Alatest", UNKNOWN)
    asking.server.script("POST", "/api/models/load/m", json_answer({}))
    assert asking("chat", model="m:latest").status == 200


@pytest.mark.parametrize(
    ("refusal", "status"), [(UNKNOWN, 404), (error_answer(502, "cannot start", "start-failed"), 502)]
)
def test_a_load_that_fails_says_why(asking, refusal, status):
    asking.server.script("POST", "/api/models/load/m", refusal)
    asking.server.script("POST", "/api/models/load/m%3Alatest", refusal)
    assert asking("chat", model="m").status == status


def test_with_no_time_to_keep_it_alive_it_is_unloaded(asking):
    asking.server.script("GET", MODELS, json_answer({"models": [state("m")]}))
    asking.server.script("POST", "/api/models/unload/m", Answer())
    assert asking("generate", model="m:latest", keep_alive=0).json["done_reason"] == "unload"
    assert asking.asked[-1] == ("POST", "/api/models/unload/m")


@pytest.mark.parametrize("users", [{"serving": 1}, {"waiting": 2}])
def test_a_model_that_others_use_stays_and_that_is_said(asking, users):
    asking.server.script("GET", MODELS, json_answer({"models": [state("m", **users)]}))
    answer = asking("generate", model="m", keep_alive=0)
    assert answer.status == 409
    assert answer.json == {"error": f"model 'm' stays loaded: it serves {sum(users.values())} requests"}
    assert ("POST", "/api/models/unload/m") not in asking.asked


def test_nobody_unloads_what_is_not_there(asking):
    asking.server.script("GET", MODELS, json_answer({"models": []}))
    assert asking("generate", model="m", keep_alive=0).status == 404


@pytest.mark.parametrize("stream", [True, False])
def test_after_a_question_the_model_goes_before_the_last_line(asking, stream):
    asking.server.script("POST", CHAT, SAID)
    asking.server.script("GET", MODELS, json_answer({"models": [state("m")]}))
    asking.server.script("POST", "/api/models/unload/m", Answer())
    assert asking("chat", model="m", messages=HELLO, keep_alive=0, stream=stream).lines[-1]["done"]
    assert asking.asked == [("POST", CHAT), ("GET", MODELS), ("POST", "/api/models/unload/m")]


def test_it_stays_for_others_without_a_word(asking):
    asking.server.script("POST", CHAT, SAID)
    asking.server.script("GET", MODELS, json_answer({"models": [state("m", serving=1)]}))
    assert asking("chat", model="m", messages=HELLO, keep_alive=0).lines[-1]["done"]
    assert asking.asked[-1] == ("GET", MODELS)


FORBIDDEN = error_answer(403, "not for you", "forbidden")


def test_the_answer_is_good_all_the_same_when_its_caller_may_not_unload(asking, caplog):
    asking.server.script("POST", CHAT, SAID)
    asking.server.script("GET", MODELS, json_answer({"models": [state("m")]}))
    asking.server.script("POST", "/api/models/unload/m", FORBIDDEN)
    with caplog.at_level("INFO"):
        assert asking("chat", model="m", messages=HELLO, keep_alive=0).lines[-1]["done"]
    assert "m stays loaded: not for you" in caplog.text


def test_but_who_asks_for_nothing_else_is_told(asking):
    asking.server.script("GET", MODELS, json_answer({"models": [state("m")]}))
    asking.server.script("POST", "/api/models/unload/m", FORBIDDEN)
    answer = asking("chat", model="m", keep_alive=0)
    assert (answer.status, answer.json) == (403, {"error": "not for you"})


# Embeddings


VECTORS = json_answer(
    {"data": [{"index": 1, "embedding": [0.2]}, {"index": 0, "embedding": [0.1]}], "usage": {"prompt_tokens": 7}}
)


def test_embeddings_come_in_the_order_of_the_texts(asking):
    asking.server.script("POST", "/v1/embeddings", VECTORS)
    answer = asking("embed", model="m", input=["a", "b"], truncate=True).json
    assert answer == {"model": "m", "embeddings": [[0.1], [0.2]], "total_duration": 1000, "prompt_eval_count": 7}
    (asked,) = asking.server.asked
    assert asked.json == {"input": ["a", "b"], "encoding_format": "float", "model": "m"}


def test_the_older_form_gives_one(asking):
    asking.server.script("POST", "/v1/embeddings", VECTORS)
    assert asking("embeddings", model="m", prompt="a").json == {"embedding": [0.1]}


def test_no_text_loads_the_model_and_gives_nothing(asking):
    asking.server.script("POST", "/api/models/load/m", json_answer({}))
    assert asking("embed", model="m", input=[]).json["embeddings"] == []
    assert asking("embeddings", model="m", prompt="").json == {"embedding": []}


def test_the_model_of_an_embedding_can_go_too(asking):
    asking.server.script("POST", "/v1/embeddings", VECTORS)
    asking.server.script("GET", MODELS, json_answer({"models": [state("m")]}))
    asking.server.script("POST", "/api/models/unload/m", Answer())
    asking("embed", model="m", input="a", keep_alive=0)
    assert asking.asked[-1] == ("POST", "/api/models/unload/m")
    asking("embed", model="m", input="", keep_alive=0)
    assert asking.asked[-1] == ("POST", "/api/models/unload/m")


@pytest.mark.parametrize("answer", [{}, {"data": [{}]}, {"data": 7}])
def test_an_answer_without_embeddings_is_an_error(asking, answer):
    asking.server.script("POST", "/v1/embeddings", json_answer(answer))
    assert asking("embed", model="m", input="a").status == 502


# Lists


LISTED = json_answer({"data": [{"id": "m", "created": 0, "meta": {"llamaswap": {"aliases": ["n"]}}}]})


def test_tags_are_the_models_that_are_listed(asking):
    asking.server.script("GET", "/v1/models", LISTED)
    assert [model["name"] for model in asking("tags").json["models"]] == ["m"]


def test_processes_are_those_that_run(asking):
    asking.server.script("GET", "/v1/models", LISTED)
    asking.server.script("GET", "/running", json_answer({"running": [{"model": "m", "state": "ready", "ttl": 60}]}))
    (entry,) = asking("processes").json["models"]
    assert entry["expires_at"] == "2026-01-02T03:05:05.000000Z"


@pytest.mark.parametrize("name", ["m", "m:latest", "n", "n:latest", "hidden"])
def test_a_model_is_shown_by_any_of_its_names(asking, name):
    asking.server.script("GET", "/v1/models", LISTED)
    asking.server.script("GET", MODELS, json_answer({"models": [state("hidden")]}))
    answer = asking("show", model=name)
    assert answer.status == 200
    assert answer.json["model_info"]["general.basename"] == name


def test_what_is_not_there_is_not_shown(asking):
    asking.server.script("GET", "/v1/models", LISTED)
    asking.server.script("GET", MODELS, json_answer({"models": []}))
    assert asking("show", model="x").json == {"error": "model 'x' not found"}


def test_a_list_that_is_refused_is_refused(asking):
    asking.server.script("GET", "/v1/models", error_answer(401, "a key, please", "unauthorized"))
    answer = asking("tags")
    assert (answer.status, answer.json) == (401, {"error": "a key, please"})


def test_a_version_is_one_that_clients_can_compare(asking):
    version = asking("version").json["version"]
    assert version == API_VERSION
    assert tuple(map(int, version.split("."))) >= (0, 6, 4)


def test_who_looks_whether_it_lives_is_told(asking):
    assert asking("alive").status == 200


def test_what_cannot_be_done_says_so():
    reply = asyncio.run(not_here("it keeps no weights")(Call("POST", "/"), FakeGateway()))
    assert (reply.status, reply.body) == (501, b'{"error":"swaplab does not do this: it keeps no weights"}')


# Pieces


TALK = (
    b": waiting\r\n\r\n"
    + b"".join(
        b"data: " + orjson.dumps(event) + b"\n\n"
        for event in (
            delta(role="assistant", content=None),
            delta(reasoning_content="Hm…"),
            delta(content="Grüße, 世界"),
            delta(tool_calls=[{"index": 0, "id": "x", "function": {"name": "add", "arguments": '{"ü": '}}]),
            delta(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
            delta("tool_calls"),
            USAGE,
        )
    )
    + b"data: [DONE]\n\n"
)


def cut(text, places):
    borders = [0, *sorted(places), len(text)]
    return tuple(text[start:end] for start, end in itertools.pairwise(borders))


def told(pieces):
    asking = Asking()
    asking.server.script("POST", CHAT, Answer(200, EVENTS, pieces))
    lines = asking("chat", model="m", messages=HELLO).lines
    return [{name: value for name, value in line.items() if not name.endswith("_duration")} for line in lines]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, len(TALK))))
def test_however_the_stream_is_cut_the_lines_are_the_same(places):
    whole = told((TALK,))
    assert [line["done"] for line in whole] == [False, False, False, True]
    assert told(cut(TALK, places)) == whole
