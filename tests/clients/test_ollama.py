"""Ollama's own Python client, against a running swaplab: simulated engines, and the real llama.cpp."""

from __future__ import annotations

import json
from collections.abc import Iterator

import ollama
import pytest
from running_swaplab import Swaplab, running_swaplab, sim

from swaplab_ollama.options import OPTIONS, Sent

HELLO = [{"role": "user", "content": "Hi"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SIMULATED = {
    "talker": {
        **sim("--say", "Hello there friend"),
        "aliases": ["llama3"],
        "ttl": 60,
        "name": "Talker",
        "capabilities": {"in": ["text", "image"], "out": ["text"], "tools": True, "context": 4096},
        "metadata": {"family": "llama", "parameter_size": "8B", "thinking": True},
    },
    "endless": sim("--tokens", "1000000", "--tokens-per-second", "50"),
    "cut": sim("--truncate-stream", "3"),
    "broken": {"cmd": "/nonexistent/engine --port ${PORT}"},
    "secret": {**sim(), "unlisted": True},
}


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("ollama"), SIMULATED) as swaplab:
        yield swaplab


@pytest.fixture
def client(swaplab) -> Iterator[ollama.Client]:
    with ollama.Client(swaplab.url) as client:
        yield client


def refusal(call, *arguments, **more):
    with pytest.raises(ollama.ResponseError) as caught:
        call(*arguments, **more)
    return caught.value.status_code, caught.value.error


def test_chat(client):
    answer = client.chat("talker", messages=HELLO)
    assert answer.message.content == "Hello there friend"
    assert (answer.model, answer.done, answer.done_reason, answer.eval_count) == ("talker", True, "stop", 3)
    assert answer.total_duration >= answer.load_duration + answer.eval_duration


def test_chat_streamed(client):
    parts = list(client.chat("talker", messages=HELLO, stream=True))
    assert [part.message.content for part in parts] == ["Hello", " there", " friend", ""]
    assert [part.done for part in parts] == [False, False, False, True]
    assert parts[-1].eval_count == 3


def test_generate(client):
    assert client.generate("talker", "Hi").response == "Hello there friend"
    assert "".join(part.response for part in client.generate("talker", "Hi", stream=True)) == "Hello there friend"


def test_options_reach_the_engine(client, swaplab):
    answer = client.generate("talker", "Hi", raw=True, options={"num_predict": 2, "temperature": 0.5, "num_ctx": 9})
    assert (answer.response, answer.done_reason) == ("Hello there", "length")
    asked = swaplab.sim_requests("talker")[-1]
    assert asked["target"] == "/v1/completions"
    assert json.loads(asked["body"])["temperature"] == 0.5


def test_a_suffix_is_filled_in_before(client):
    assert client.generate("talker", "Hi", suffix="!").response == "Hello there friend"


def test_embed(client):
    answer = client.embed("talker", ["a", "b", "a"])
    first, second, third = answer.embeddings
    assert first == third != second
    assert answer.prompt_eval_count > 0
    assert client.embeddings("talker", "a").embedding == first


def test_list(client):
    listed = {model.model: model for model in client.list().models}
    assert listed.keys() == SIMULATED.keys() - {"secret"}
    assert listed["talker"].details.family == "llama"
    assert listed["talker"].modified_at.year >= 2024


@pytest.mark.parametrize("name", ["talker", "talker:latest", "llama3", "llama3:latest"])
def test_show_and_chat_by_every_name(client, name):
    shown = client.show(name)
    assert shown.capabilities == ["completion", "vision", "tools", "thinking"]
    assert shown.modelinfo["llama.context_length"] == 4096
    assert client.chat(name, messages=HELLO).message.content == "Hello there friend"


def test_a_model_that_is_not_listed_can_be_shown_and_asked(client):
    assert client.show("secret").capabilities == ["completion"]
    assert client.chat("secret", messages=HELLO).done


def test_ps_load_and_unload(client, swaplab):
    assert client.generate("talker").done_reason == "load"
    (process,) = client.ps().models
    assert (process.model, process.context_length) == ("talker", 4096)
    assert client.chat("talker", keep_alive=0).done_reason == "unload"
    assert client.ps().models == []
    assert swaplab.model("talker")["state"] == "stopped"


@pytest.mark.parametrize("stream", [True, False])
def test_the_model_is_gone_when_the_answer_of_a_last_question_is_complete(client, swaplab, stream):
    answer = client.chat("talker", messages=HELLO, stream=stream, keep_alive=0)
    assert list(answer)
    assert swaplab.model("talker")["state"] == "stopped"


def test_but_not_while_others_use_it(client, swaplab):
    with swaplab.streaming("endless") as other:
        assert other.status == 200
        status, error = refusal(client.generate, "endless", keep_alive=0)
        assert (status, error) == (409, "model 'endless' stays loaded: it serves 1 requests")
        assert client.chat("endless", messages=HELLO, keep_alive=0, options={"num_predict": 1}).done
        assert swaplab.model("endless")["state"] == "ready"
    swaplab.wait_for("endless", serving=0)


def test_a_client_that_leaves_ends_the_work(client, swaplab):
    parts = client.chat("endless", messages=HELLO, stream=True)
    assert next(parts).message.content
    assert swaplab.model("endless")["serving"] == 1
    parts.close()
    swaplab.wait_for("endless", serving=0)


def test_what_is_not_there_is_not_found(client):
    assert refusal(client.chat, "nobody", messages=HELLO) == (404, "model 'nobody' not found")
    assert refusal(client.show, "nobody") == (404, "model 'nobody' not found")
    assert refusal(client.generate, "nobody") == (404, "model 'nobody' not found")


@pytest.mark.parametrize("call", ["pull", "push", "delete"])
def test_what_swaplab_does_not_do_says_so(client, call):
    status, error = refusal(getattr(client, call), "talker")
    assert status == 501
    assert "swaplab does not do this" in error


def test_an_engine_that_cannot_start_is_an_error_with_its_reason(client):
    status, error = refusal(client.chat, "broken", messages=HELLO)
    assert status == 502
    assert "/nonexistent/engine" in error


def test_an_engine_that_breaks_off_is_an_error_too(client):
    with pytest.raises(ollama.ResponseError):
        list(client.chat("cut", messages=HELLO, stream=True))
    assert refusal(client.chat, "cut", messages=HELLO)[0] == 502


def test_below_its_own_address_the_whole_api_is_there(swaplab):
    with ollama.Client(swaplab.url + "/api/plugins/ollama") as client:
        assert client.chat("talker", messages=HELLO).message.content == "Hello there friend"
        assert len(client.list().models) == len(SIMULATED) - 1
    assert swaplab.ask("GET", "/api/plugins/ollama/api/version").json()["version"]
    assert swaplab.ask("HEAD", "/api/plugins/ollama/").status == 200


def test_at_the_plain_path_the_version_is_swaplabs_and_a_version_for_clients_of_ollama_too(swaplab):
    answer = swaplab.ask("GET", "/api/version").json()
    assert answer.keys() == {"version", "commit", "build_date"}
    assert all(part.isdecimal() for part in answer["version"].split("."))


def test_every_line_is_json_by_itself(swaplab):
    answer = swaplab.ask("POST", "/api/chat", json_body={"model": "talker", "messages": HELLO})
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.body.endswith(b"}\n")
    assert [json.loads(line)["model"] for line in answer.body.splitlines()] == ["talker"] * 4


def test_no_content_type_is_needed(swaplab):
    answer = swaplab.ask("POST", "/api/generate", body=b'{"model": "talker", "prompt": "Hi", "stream": false}')
    assert answer.json()["response"] == "Hello there friend"


def test_nothing_of_this_was_a_mistake_of_the_plugin(swaplab):
    records = {record["target"]: record for record in swaplab.ask("GET", "/api/plugins").json()["plugins"]}
    assert records["swaplab_ollama.routes"]["state"] == "ok"


def test_with_keys_a_client_needs_one(tmp_path):
    with running_swaplab(tmp_path, {"m": sim()}, apiKeys=["sk-one"]) as swaplab:
        with ollama.Client(swaplab.url, headers={"Authorization": "Bearer sk-one"}) as client:
            assert client.chat("m", messages=HELLO, keep_alive=0).done
            assert swaplab.ask("GET", "/running", headers={"x-api-key": "sk-one"}).json() == {"running": []}
        with ollama.Client(swaplab.url, headers={"Authorization": "Bearer sk-two"}) as client:
            assert refusal(client.chat, "m", messages=HELLO)[0] == 401
            assert refusal(client.list)[0] == 401


# The real llama.cpp


@pytest.fixture
def llamas(llama_lab) -> Iterator[ollama.Client]:
    """Tiny models on one server."""
    with ollama.Client(llama_lab.url) as client:
        yield client


@pytest.mark.llamacpp
@pytest.mark.parametrize("think", [None, True, "high"])
def test_thinking_comes_apart_from_the_answer(llamas, think):
    answer = llamas.chat("thinker", messages=HELLO, think=think)
    assert (answer.message.thinking.strip(), answer.message.content) == ("Let me see.", "It is sunny.")
    assert answer.prompt_eval_count > 0
    assert answer.prompt_eval_duration > 0
    assert answer.eval_duration > 0


@pytest.mark.llamacpp
def test_thinking_is_streamed_before_the_answer(llamas):
    parts = [part.message for part in llamas.chat("thinker", messages=HELLO, stream=True)]
    assert "".join(part.thinking or "" for part in parts).strip() == "Let me see."
    assert "".join(part.content for part in parts) == "It is sunny."
    assert len(parts) > 3
    spoke = [bool(part.content) for part in parts[:-1]]
    assert spoke == sorted(spoke)


@pytest.mark.llamacpp
def test_a_tool_is_called_and_its_result_taken(llamas):
    messages = [{"role": "user", "content": "Weather in Paris?"}]
    answer = llamas.chat("caller", messages=messages, tools=[WEATHER])
    (call,) = answer.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", {"city": "Paris"})
    result = {"role": "tool", "tool_name": "get_weather", "content": "sunny"}
    again = llamas.chat("thinker", messages=[*messages, answer.message, result], tools=[WEATHER])
    assert again.message.content == "It is sunny."


@pytest.mark.llamacpp
def test_a_tool_call_is_streamed_in_one_piece(llamas):
    parts = list(llamas.chat("caller", messages=HELLO, tools=[WEATHER], stream=True))
    calls = [call for part in parts for call in part.message.tool_calls or ()]
    assert [(call.function.name, call.function.arguments) for call in calls] == [("get_weather", {"city": "Paris"})]
    assert parts[-1].done_reason == "stop"


@pytest.mark.llamacpp
def test_generate_with_system_raw_and_a_limit(llamas):
    answer = llamas.generate("thinker", "Hi", system="Be brief")
    assert (answer.response, answer.thinking.strip()) == ("It is sunny.", "Let me see.")
    raw = llamas.generate("thinker", "Hi", raw=True, options={"num_predict": 3, "stop": ["never"], "seed": 1})
    assert (raw.done_reason, raw.eval_count) == ("length", 3)
    assert raw.response.startswith("<think>")


@pytest.mark.llamacpp
def test_every_sampling_option_is_one_that_llama_cpp_takes(llamas):
    numbers = {"top_k": 40, "seed": 1, "num_keep": 4, "repeat_last_n": 64, "mirostat": 0, "num_predict": 50}
    shares = {
        "temperature": 0.1,
        "top_p": 0.9,
        "min_p": 0.05,
        "typical_p": 1.0,
        "mirostat_tau": 5.0,
        "mirostat_eta": 0.1,
    }
    penalties = {"presence_penalty": 0.0, "frequency_penalty": 0.0, "repeat_penalty": 1.0}
    options = {**numbers, **shares, **penalties, "stop": ["never"]}
    assert options.keys() == {name for name, option in OPTIONS.items() if isinstance(option, Sent)}
    assert llamas.chat("thinker", messages=HELLO, options=options).message.content == "It is sunny."


@pytest.mark.llamacpp
@pytest.mark.parametrize("format", ["json", {"type": "object", "properties": {"n": {"type": "integer"}}}])
def test_a_format_leaves_the_model_no_choice_of_its_words(llamas, format):  # noqa: A002 - Ollama's word
    wanted = {"format": format, "options": {"num_predict": 60}}
    assert llamas.generate("plain", "Hi").response == "No braces here."
    answers = [
        llamas.chat("plain", messages=HELLO, **wanted).message.content,
        llamas.generate("plain", "Hi", **wanted).response,
        llamas.generate("plain", "Hi", raw=True, **wanted).response,
    ]
    assert [answer.lstrip()[:1] for answer in answers] == ["{"] * 3


@pytest.mark.llamacpp
def test_logprobs_come_through(llamas):
    answer = llamas.chat("thinker", messages=HELLO, logprobs=True, top_logprobs=2)
    assert answer.logprobs
    assert all(len(entry.top_logprobs) == 2 for entry in answer.logprobs)


@pytest.mark.llamacpp
def test_real_embeddings(llamas):
    answer = llamas.embed("embedder", ["a", "b"])
    assert len(answer.embeddings) == 2
    assert answer.prompt_eval_count == 2


@pytest.mark.llamacpp
def test_a_model_without_the_tokens_for_it_cannot_fill_in(llamas):
    status, error = refusal(llamas.generate, "thinker", "a", suffix="b")
    assert status >= 400
    assert "Infill is not supported" in error


# Pages of other sites


PAGE = {"Origin": "http://page.example", "Sec-Fetch-Site": "cross-site"}


def ask_as_page(swaplab, path, **headers):
    body = {"model": "m", "messages": HELLO, "keep_alive": 0}
    return swaplab.ask("POST", path, json_body=body, headers={**PAGE, **headers})


@pytest.mark.parametrize("path", ["/api/chat", "/api/plugins/ollama/api/chat"])
def test_a_foreign_page_may_ask_a_model_when_it_has_a_key_and_do_nothing_else(tmp_path, path):
    with running_swaplab(tmp_path, {"m": sim()}, apiKeys=["sk-one"]) as swaplab:
        assert ask_as_page(swaplab, path).status == 401
        answer = ask_as_page(swaplab, path, Authorization="Bearer sk-one")
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert json.loads(answer.body.splitlines()[-1])["done"]
        assert swaplab.ask("GET", "/running", headers={"x-api-key": "sk-one"}).json()["running"]  # not unloaded by it
        assert swaplab.ask("GET", "/api/tags", headers={**PAGE, "x-api-key": "sk-one"}).status == 403
        assert swaplab.ask("OPTIONS", path, headers=PAGE).headers["Access-Control-Allow-Origin"] == "*"


def test_a_page_that_is_welcome_may_ask_a_model_and_do_nothing_else(tmp_path):
    with running_swaplab(tmp_path, {"m": sim()}, allowedOrigins=[PAGE["Origin"]]) as swaplab:
        answer = ask_as_page(swaplab, "/api/chat")
        assert json.loads(answer.body.splitlines()[-1])["done"]
        assert swaplab.model("m")["state"] == "ready", "it may not unload"
        assert swaplab.ask("GET", "/api/tags", headers=PAGE).status == 403
