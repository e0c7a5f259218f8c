"""A real llama-server loads the tiny models and says exactly their text."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.real_process import running_process

pytestmark = pytest.mark.llamacpp

QUESTION = {"messages": [{"role": "user", "content": "What is up?"}]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Chat:
    """One llama-server with one model."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1/chat/completions"

    def send(self, **more: Any) -> bytes:
        with urllib.request.urlopen(self.url, json.dumps({**QUESTION, **more}).encode(), timeout=120) as response:
            return response.read()

    def ask(self, **more: Any) -> dict[str, Any]:
        return json.loads(self.send(**more))["choices"][0]

    def stream(self, **more: Any) -> list[dict[str, Any]]:
        lines = self.send(stream=True, **more).decode().splitlines()
        events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
        return [choice for event in events for choice in event["choices"]]


@pytest.fixture
def load(llama_server: Path, tmp_path: Path):
    """Load a model, and end its server with the test."""
    running = []

    def load(model: Path) -> Chat:
        port = find_free_port()
        argv = [llama_server, "-m", model, "--host", "127.0.0.1", "--port", port, "-c", 8192, "-np", 1, "-t", 1]
        process = running_process(argv, tmp_path / "llama-server.log")
        process.__enter__().wait_for_output("model loaded")
        running.append(process)
        return Chat(port)

    yield load
    for process in running:
        process.__exit__(None, None, None)


@pytest.mark.parametrize(
    "text",
    ["Hello from a tiny model.", "ha ha ha, ha ha!", "Zwölf Boxkämpfer jagen Viktor 🙂 über den Deich.\n\nEnde", "x"],
)
def test_it_says_exactly_the_text(load, tiny_gguf, text):
    choice = load(tiny_gguf(text)).ask()
    assert choice["message"]["content"] == text
    assert choice["finish_reason"] == "stop"


def test_it_streams_the_text_in_pieces(load, tiny_gguf):
    choices = load(tiny_gguf("Hello from a tiny model.")).stream()
    pieces = [choice["delta"]["content"] for choice in choices if choice["delta"].get("content")]
    assert pieces == ["Hello", " from", " a", " tiny", " model."]
    assert choices[-1]["finish_reason"] == "stop"


def test_an_endless_one_stops_at_the_limit(load, tiny_gguf):
    choice = load(tiny_gguf("tick tock ", endless=True)).ask(max_tokens=100)
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"].startswith("tick tock tick tock")


def test_any_model_goes_on_when_the_end_is_ignored(load, tiny_gguf):
    choice = load(tiny_gguf("tick tock ")).ask(max_tokens=50, ignore_eos=True)
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"].startswith("tick tock tick tock")


def test_a_rich_model_thinks_before_it_speaks(load, tiny_gguf):
    chat = load(tiny_gguf("<think>\nLet me see.\n</think>\n\nIt is 42.", rich=True))
    message = chat.ask()["message"]
    assert message["reasoning_content"].strip() == "Let me see."
    assert message["content"] == "It is 42."
    deltas = [choice["delta"] for choice in chat.stream()]
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas).strip() == "Let me see."
    assert "".join(delta.get("content") or "" for delta in deltas) == "It is 42."


def test_a_rich_model_calls_a_tool(load, tiny_gguf):
    call = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
    choice = load(tiny_gguf(call, rich=True)).ask(tools=[WEATHER])
    assert choice["finish_reason"] == "tool_calls"
    (function,) = (tool_call["function"] for tool_call in choice["message"]["tool_calls"])
    assert function["name"] == "get_weather"
    assert json.loads(function["arguments"]) == {"city": "Paris"}


def test_a_rich_model_takes_the_answer_of_its_tool(load, tiny_gguf):
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    messages = [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
    ]
    chat = load(tiny_gguf("It is sunny.", rich=True))
    assert chat.ask(messages=messages, tools=[WEATHER])["message"]["content"] == "It is sunny."
