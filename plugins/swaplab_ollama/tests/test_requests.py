"""What an Ollama request asks for."""

from __future__ import annotations

import base64

import pytest

from swaplab_core.domain.errors import InvalidRequest
from swaplab_ollama.requests import (
    CHAT,
    COMPLETIONS,
    INFILL,
    Embedding,
    Load,
    Unload,
    Voice,
    is_zero,
    read_chat,
    read_embed,
    read_embeddings,
    read_generate,
    read_model,
)

HELLO = {"role": "user", "content": "Hi"}
PNG = base64.b64encode(b"\x89PNG" + b"\0" * 20).decode()
ALWAYS = {"stream": True, "stream_options": {"include_usage": True}}


def chat(**more):
    return read_chat({"model": "m", "messages": [HELLO], **more})


def generate(**more):
    return read_generate({"model": "m", "prompt": "Hi", **more})


def sent(wanted):
    """What is sent, without what is always sent."""
    assert ALWAYS.items() <= wanted.body.items()
    return {name: value for name, value in wanted.body.items() if name not in ALWAYS}


# Chat


def test_a_chat_is_a_chat():
    wanted = chat()
    assert (wanted.model, wanted.voice, wanted.path) == ("m", Voice.CHAT, CHAT)
    assert sent(wanted) == {"messages": [HELLO]}


@pytest.mark.parametrize(("stream", "streams"), [({}, True), ({"stream": True}, True), ({"stream": None}, True)])
def test_a_stream_is_what_everybody_gets(stream, streams):
    assert chat(**stream).streams is streams


def test_except_who_does_not_want_it_but_the_engine_streams_even_then():
    wanted = chat(stream=False)
    assert not wanted.streams
    assert wanted.body["stream"] is True


def test_tools_are_handed_on():
    assert sent(chat(tools=[{"type": "function"}]))["tools"] == [{"type": "function"}]


def test_options_are_translated_and_what_is_left_out_is_named():
    wanted = chat(options={"temperature": 0, "num_ctx": 5}, keep_alive="5m", truncate=False)
    assert sent(wanted)["temperature"] == 0
    assert wanted.ignored == ("num_ctx", "truncate", "keep_alive")
    assert not wanted.unload


@pytest.mark.parametrize("think", [True, False])
def test_thinking_is_a_word_to_the_chat_template(think):
    assert sent(chat(think=think))["chat_template_kwargs"] == {"enable_thinking": think}


def test_how_much_to_think_is_an_effort():
    made = sent(chat(think="high"))
    assert made["reasoning_effort"] == "high"
    assert made["chat_template_kwargs"] == {"enable_thinking": True, "reasoning_effort": "high"}


def test_who_does_not_speak_of_thinking_changes_nothing():
    assert sent(chat(think=None)).keys() == {"messages"}


def test_a_schema_is_a_response_format():
    schema = {"type": "array"}
    made = sent(chat(format=schema))["response_format"]
    assert made == {"type": "json_schema", "json_schema": {"name": "format", "schema": schema}}


def test_json_is_the_schema_of_any_object():
    assert sent(chat(format="json"))["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_where_there_is_no_chat_llama_cpp_has_its_own_word_for_it():
    assert sent(generate(raw=True, format="json"))["json_schema"] == {"type": "object"}
    assert "json_schema" not in sent(generate(format="json"))
    assert "json_schema" not in sent(generate(raw=True))


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_format_is_no_format(nothing):
    assert "response_format" not in sent(chat(format=nothing))


def test_logprobs_are_asked_for():
    made = sent(chat(logprobs=True, top_logprobs=3))
    assert (made["logprobs"], made["top_logprobs"]) == (True, 3)
    assert "logprobs" not in sent(chat(top_logprobs=3))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"format": "xml"}, '"format" must be'),
        ({"think": 7}, '"think" must be'),
        ({"keep_alive": "long"}, '"keep_alive" must be'),
        ({"messages": "Hi"}, '"messages" must be'),
        ({"model": None}, "model is required"),
        ({"model": 7}, "model is required"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, said):
    with pytest.raises(InvalidRequest, match=said):
        chat(**wrong)


# Generate


def test_a_prompt_is_what_a_user_says():
    wanted = generate()
    assert (wanted.voice, wanted.path) == (Voice.GENERATE, CHAT)
    assert sent(wanted) == {"messages": [HELLO]}


def test_system_comes_first_and_pictures_come_with_the_prompt():
    system, user = sent(generate(system="Be brief", images=[PNG]))["messages"]
    assert system == {"role": "system", "content": "Be brief"}
    assert [part["type"] for part in user["content"]] == ["text", "image_url"]


def test_raw_is_a_completion():
    wanted = generate(raw=True, options={"num_predict": 1})
    assert wanted.path == COMPLETIONS
    assert sent(wanted) == {"prompt": "Hi", "max_tokens": 1}


def test_a_suffix_is_filled_in_before():
    wanted = generate(suffix="there", system="Be brief")
    assert wanted.path == INFILL
    assert sent(wanted) == {"input_prefix": "Hi", "input_suffix": "there"}


@pytest.mark.parametrize("more", [{"template": "x"}, {"system": "x"}, {"context": [1]}])
def test_raw_goes_with_nothing_that_makes_a_prompt(more):
    with pytest.raises(InvalidRequest, match="raw mode does not support template, system, or context"):
        generate(raw=True, **more)


@pytest.mark.parametrize(("name", "advice"), [("template", '"raw": true'), ("context", "/api/chat")])
def test_what_no_engine_can_do_is_refused_with_another_way(name, advice):
    with pytest.raises(InvalidRequest, match=f'"{name}" is not supported') as caught:
        generate(**{name: "x"})
    assert advice in caught.value.advice


@pytest.mark.parametrize("name", ["prompt", "system", "suffix"])
def test_texts_are_texts(name):
    with pytest.raises(InvalidRequest, match=f'"{name}" must be a text'):
        generate(**{name: 7})


# Loading and unloading


@pytest.mark.parametrize("nothing", [{}, {"messages": []}, {"messages": None}])
def test_a_chat_without_messages_loads(nothing):
    assert read_chat({"model": "m", **nothing}) == Load("m", Voice.CHAT)
    assert read_chat({"model": "m", "keep_alive": "10m", **nothing}) == Load("m", Voice.CHAT)


@pytest.mark.parametrize("nothing", [{}, {"prompt": ""}, {"prompt": None, "images": []}])
def test_so_does_a_generation_without_a_prompt(nothing):
    assert read_generate({"model": "m", **nothing}) == Load("m", Voice.GENERATE)


def test_a_picture_is_a_question_too():
    assert read_generate({"model": "m", "images": [PNG]}).path == CHAT


def test_with_no_time_to_keep_it_alive_it_unloads():
    assert read_chat({"model": "m", "keep_alive": 0}) == Unload("m", Voice.CHAT)
    assert read_generate({"model": "m", "keep_alive": "0s"}) == Unload("m", Voice.GENERATE)


def test_a_question_with_no_time_unloads_afterwards():
    wanted = chat(keep_alive=0)
    assert wanted.unload
    assert wanted.ignored == ()


@pytest.mark.parametrize("nothing", [0, 0.0, "0", "0s", "0m0s", "0.0h", "-0", "00ms"])
def test_no_time_is_written_in_many_ways(nothing):
    assert is_zero(nothing)


@pytest.mark.parametrize("some", [None, -1, 300, 0.5, "5m", "-1m", "1h0m", "0.1s", "300"])
def test_everything_else_is_some_time(some):
    assert not is_zero(some)


@pytest.mark.parametrize("wrong", ["", "m", "5 minutes", "1d", True, [], {}])
def test_or_no_time_at_all(wrong):
    with pytest.raises(InvalidRequest, match='"keep_alive" must be seconds or a duration such as "5m"'):
        is_zero(wrong)


# Embeddings


def test_one_text_or_several():
    assert read_embed({"model": "m", "input": "a"}) == Embedding("m", ["a"])
    assert read_embed({"model": "m", "input": ["a", "b"]}) == Embedding("m", ["a", "b"])


def test_dimensions_are_handed_on_and_the_rest_is_not():
    wanted = read_embed({"model": "m", "input": "a", "dimensions": 64, "truncate": True, "options": {"num_ctx": 1}})
    assert wanted.fields == {"dimensions": 64}
    assert wanted.ignored == ("num_ctx", "truncate")


@pytest.mark.parametrize("nothing", [{}, {"input": ""}, {"input": []}, {"input": None}])
def test_no_text_only_loads(nothing):
    assert not read_embed({"model": "m", **nothing}).texts


@pytest.mark.parametrize("wrong", [7, [7], {"a": "b"}])
def test_an_input_is_text(wrong):
    with pytest.raises(InvalidRequest, match='"input" must be'):
        read_embed({"model": "m", "input": wrong})


def test_the_older_form_has_one_prompt():
    assert read_embeddings({"model": "m", "prompt": "a", "keep_alive": 0}) == Embedding("m", ["a"], unload=True)
    assert not read_embeddings({"model": "m", "prompt": ""}).texts


def test_a_model_has_an_older_word_too():
    assert read_model({"name": "m"}) == "m"
    assert read_model({"model": "m", "name": "n"}) == "m"
