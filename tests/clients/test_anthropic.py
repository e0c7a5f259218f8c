"""Anthropic's own Python client against real llama.cpp: messages, streams, tools, counting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import anthropic  # where it is used only: it takes a second and a half, in each of the workers

pytestmark = pytest.mark.llamacpp

ASK = [{"role": "user", "content": "Weather in Paris?"}]
WEATHER = {
    "name": "get_weather",
    "description": "Tell the weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
def client(llama_lab) -> Iterator[anthropic.Anthropic]:
    import anthropic

    with anthropic.Anthropic(base_url=llama_lab.url, api_key="none", max_retries=0) as client:
        yield client


def test_a_message_with_its_thinking(client):
    answer = client.messages.create(model="thinker", max_tokens=100, messages=ASK)

    thinking, text = answer.content
    assert (thinking.thinking.strip(), text.text) == ("Let me see.", "It is sunny.")
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0) > 0
    assert answer.usage.output_tokens > 3


def test_a_streamed_message(client):
    with client.messages.stream(model="thinker", max_tokens=100, messages=ASK) as stream:
        pieces = list(stream.text_stream)
        whole = stream.get_final_message()

    assert "".join(pieces) == "It is sunny."
    assert len(pieces) > 1
    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert whole.usage.output_tokens > 3


def test_a_tool_is_called_and_its_result_taken(client):
    answer = client.messages.create(model="caller", max_tokens=100, messages=ASK, tools=[WEATHER])
    (call,) = [block for block in answer.content if block.type == "tool_use"]
    assert (answer.stop_reason, call.name, call.input) == ("tool_use", "get_weather", {"city": "Paris"})

    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
    messages = [*ASK, {"role": "assistant", "content": answer.content}, result]
    again = client.messages.create(model="thinker", max_tokens=100, messages=messages, tools=[WEATHER])
    assert again.content[-1].text == "It is sunny."


def test_tokens_are_counted(client):
    few = client.messages.count_tokens(model="plain", messages=ASK).input_tokens
    many = client.messages.count_tokens(model="plain", messages=[{"role": "user", "content": "x" * 500}]).input_tokens

    assert 0 < few < many


def test_refusals_are_the_errors_that_the_client_knows(client):
    import anthropic

    with pytest.raises(anthropic.NotFoundError, match="did you mean 'thinker'"):
        client.messages.create(model="thinkr", max_tokens=10, messages=ASK)
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model="plain", max_tokens=10, messages=[{"role": "user", "content": "x" * 9000}])


def test_a_message_is_in_the_activity_with_its_tokens(client, llama_lab):
    with client.messages.stream(model="plain", max_tokens=100, messages=ASK) as stream:
        usage = stream.get_final_message().usage

    (row,) = llama_lab.ask("GET", "/api/metrics/activity?limit=1").json()["data"]
    assert (row["req_path"], row["tokens"]["output_tokens"]) == ("/v1/messages", usage.output_tokens)
    assert row["ttft_ms"] > 0
