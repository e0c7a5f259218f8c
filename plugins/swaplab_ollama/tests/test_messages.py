"""Messages of a chat, in OpenAI's words."""

from __future__ import annotations

import base64

import pytest

from swaplab_core.domain.errors import InvalidRequest
from swaplab_ollama.messages import data_url, to_openai, with_pictures

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 20).decode()


def one(**message):
    (translated,) = to_openai([message])
    return translated


def call(name, arguments=None, **more):
    return {"function": {"name": name, "arguments": arguments or {}}, **more}


def test_a_text_is_a_text():
    assert one(role="user", content="Hi") == {"role": "user", "content": "Hi"}


def test_a_message_without_content_says_nothing():
    assert one(role="assistant", content=None) == {"role": "assistant", "content": ""}


def test_thinking_is_reasoning():
    message = one(role="assistant", content="4", thinking="2 and 2")
    assert message == {"role": "assistant", "content": "4", "reasoning_content": "2 and 2"}


def test_pictures_come_after_the_text():
    assert one(role="user", content="What is it?", images=[PNG])["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]


def test_a_picture_needs_no_text():
    (part,) = with_pictures("", [PNG])
    assert part["type"] == "image_url"


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"\x89PNG\r\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"BM1234", "image/bmp"),
    ],
)
def test_the_kind_of_a_picture_is_seen_in_its_data(beginning, kind):
    picture = base64.b64encode(beginning + b"\0" * 20).decode()
    assert data_url(picture) == f"data:{kind};base64,{picture}"


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (7, "must be a text"),
        ("???", "not base64"),
        ("", "none of PNG"),
        (base64.b64encode(b"text").decode(), "none of"),
    ],
)
def test_what_is_no_picture_is_refused(picture, said):
    with pytest.raises(InvalidRequest, match=said):
        data_url(picture)


def test_images_are_a_list():
    with pytest.raises(InvalidRequest, match='"images" must be a list'):
        with_pictures("", PNG)


def test_arguments_of_a_call_become_text_and_the_call_gets_an_id():
    assert one(role="assistant", tool_calls=[call("add", {"a": 1, "b": [2]})])["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1,"b":[2]}'}}
    ]


def test_a_call_keeps_the_id_it_has():
    (made,) = one(role="assistant", tool_calls=[call("add", id="mine")])["tool_calls"]
    assert made["id"] == "mine"


def test_arguments_that_are_text_already_stay_as_they_are():
    (made,) = one(role="assistant", tool_calls=[call("add", '{"a": 1}')])["tool_calls"]
    assert made["function"]["arguments"] == '{"a": 1}'


def results(*messages):
    return [message["tool_call_id"] for message in to_openai(list(messages)) if message["role"] == "tool"]


def test_results_find_their_calls_by_the_name_of_the_tool_then_in_order():
    asked = {"role": "assistant", "tool_calls": [call("add"), call("multiply"), call("add")]}
    answers = [
        {"role": "tool", "tool_name": "multiply", "content": "6"},
        {"role": "tool", "tool_name": "add", "content": "5"},
        {"role": "tool", "content": "7"},
    ]
    assert results(asked, *answers) == ["call_2", "call_1", "call_3"]


def test_or_by_the_id():
    asked = {"role": "assistant", "tool_calls": [call("add", id="x"), call("add", id="y")]}
    answers = [{"role": "tool", "tool_call_id": "y", "content": "5"}, {"role": "tool", "content": "6"}]
    assert results(asked, *answers) == ["y", "x"]


def test_calls_of_later_turns_have_ids_of_their_own():
    turn = [{"role": "assistant", "tool_calls": [call("add")]}, {"role": "tool", "content": "5"}]
    assert results(*turn, *turn) == ["call_1", "call_2"]


@pytest.mark.parametrize(("given", "kept"), [({}, "call_0"), ({"tool_call_id": "lost"}, "lost")])
def test_a_result_that_nobody_asked_for_is_passed_on_all_the_same(given, kept):
    assert results({"role": "tool", "content": "5", **given}) == [kept]


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("Hi", '"messages" must be a list'),
        (["Hi"], '"messages" must be a list'),
        ([{"content": "Hi"}], 'needs a "role"'),
        ([{"role": "user", "content": ["Hi"]}], 'a "content"'),
        ([{"role": "assistant", "tool_calls": "add"}], "needs a function"),
        ([{"role": "assistant", "tool_calls": 7}], '"tool_calls" must be a list'),
        ([{"role": "assistant", "tool_calls": [{"function": "add"}]}], "needs a function with a name"),
        ([{"role": "assistant", "tool_calls": [{"function": {}}]}], "needs a function with a name"),
    ],
)
def test_what_makes_no_sense_is_refused(messages, said):
    with pytest.raises(InvalidRequest, match=said):
        to_openai(messages)
