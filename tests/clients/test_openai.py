"""OpenAI's own Python client against real llama.cpp: reasoning, tools, embeddings, responses. Swaps under it are
shown by `tests/integration/server/test_openai_client.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import openai
import pytest

pytestmark = pytest.mark.llamacpp

ASK = [{"role": "user", "content": "Weather in Paris?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture
def client(llama_lab) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{llama_lab.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_reasoning_comes_apart_from_the_answer(client):
    message = client.chat.completions.create(model="thinker", messages=ASK).choices[0].message

    assert (message.reasoning_content.strip(), message.content) == ("Let me see.", "It is sunny.")


def test_reasoning_is_streamed_before_the_answer_and_usage_comes_last(client):
    options = {"include_usage": True}
    with client.chat.completions.create(model="thinker", messages=ASK, stream=True, stream_options=options) as stream:
        chunks = list(stream)

    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas).strip() == "Let me see."
    assert "".join(delta.content or "" for delta in deltas) == "It is sunny."
    spoke = [bool(delta.content) for delta in deltas if delta.content or getattr(delta, "reasoning_content", None)]
    assert spoke == sorted(spoke)
    assert len(spoke) > 3
    assert chunks[-1].usage.completion_tokens > 3


def test_a_tool_is_called_and_its_result_taken(client):
    choice = client.chat.completions.create(model="caller", messages=ASK, tools=[WEATHER]).choices[0]
    (call,) = choice.message.tool_calls
    assert choice.finish_reason == "tool_calls"
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Paris"})

    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    again = client.chat.completions.create(model="thinker", messages=[*ASK, choice.message, result], tools=[WEATHER])
    assert again.choices[0].message.content == "It is sunny."


def test_a_tool_call_is_streamed(client):
    with client.chat.completions.create(model="caller", messages=ASK, tools=[WEATHER], stream=True) as stream:
        choices = [chunk.choices[0] for chunk in stream if chunk.choices]

    pieces = [piece.function for choice in choices for piece in choice.delta.tool_calls or ()]
    assert "".join(piece.name or "" for piece in pieces) == "get_weather"
    assert json.loads("".join(piece.arguments or "" for piece in pieces)) == {"city": "Paris"}
    assert choices[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(client, encoding):
    answer = client.embeddings.create(model="embedder", input=["one", "two"], encoding_format=encoding)

    assert [entry.index for entry in answer.data] == [0, 1]
    assert len(answer.data[0].embedding) == len(answer.data[1].embedding) > 100
    assert answer.usage.prompt_tokens > 0


def test_responses(client):
    answer = client.responses.create(model="thinker", input="Weather in Paris?")

    assert answer.output_text == "It is sunny."
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.usage.output_tokens > 3


def test_responses_streamed(client):
    with client.responses.create(model="thinker", input="Weather in Paris?", stream=True) as stream:
        events = list(stream)

    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == "It is sunny."
    assert len(deltas) > 1
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "It is sunny."


def test_what_the_engine_refuses_is_the_error_that_the_client_knows(client):
    with pytest.raises(openai.BadRequestError, match="context"):
        client.chat.completions.create(model="plain", messages=[{"role": "user", "content": "x" * 9000}])


def test_what_was_asked_is_in_the_activity_with_its_tokens(client, llama_lab):
    before = llama_lab.ask("GET", "/api/metrics/activity?limit=1").json()["total"]
    client.chat.completions.create(model="plain", messages=ASK)
    client.responses.create(model="plain", input="Hi")

    page = llama_lab.ask("GET", "/api/metrics/activity?limit=2").json()
    assert page["total"] == before + 2
    assert [row["req_path"] for row in page["data"]] == ["/v1/responses", "/v1/chat/completions"]
    assert all(row["tokens"]["output_tokens"] > 3 for row in page["data"])
