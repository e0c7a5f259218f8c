"""OpenAI's own client must take the simulated engine for real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import AuthenticationError, OpenAI

from swaplab_core.testing.sim_process import running_sim_process

SAY = "one two three"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    log = tmp_path_factory.mktemp("sim") / "sim.log"
    arguments = ["--say", SAY, "--api-key", "secret", "--model", "m"]
    with (
        running_sim_process(*arguments, output_file=log) as sim,
        OpenAI(base_url=sim.base_url + "/v1", api_key="secret", max_retries=0) as client,
    ):
        yield client


MESSAGES = [{"role": "user", "content": "hello there"}]


def test_chat(client):
    reply = client.chat.completions.create(model="m", messages=MESSAGES)
    assert reply.choices[0].message.content == SAY
    assert reply.usage.total_tokens == 5


def test_streamed_chat_with_usage(client):
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True, stream_options=options))
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == SAY
    assert chunks[-1].usage.completion_tokens == 3


def test_text_completion(client):
    assert client.completions.create(model="m", prompt="x").choices[0].text == SAY


def test_responses(client):
    reply = client.responses.create(model="m", input="hello there")
    assert reply.output_text == SAY
    assert reply.usage.output_tokens == 3


def test_streamed_responses(client):
    with client.responses.stream(model="m", input="hello there") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert "".join(deltas) == SAY
        assert stream.get_final_response().usage.input_tokens == 2


def test_embeddings_in_the_clients_own_encoding(client):
    first, second = client.embeddings.create(model="m", input=["a", "b"]).data
    assert len(first.embedding) == len(second.embedding) == 16
    assert sum(number * number for number in first.embedding) == pytest.approx(1, abs=1e-5)


def test_models(client):
    assert [model.id for model in client.models.list()] == ["m"]


def test_speech_and_transcription(client):
    speech = client.audio.speech.create(model="m", voice="alloy", input="hi").content
    text = client.audio.transcriptions.create(model="m", file=("a.wav", speech)).text
    assert text == f"The length of the file is {len(speech)} bytes."


def test_images(client):
    assert client.images.generate(model="m", prompt="a cat").data[0].b64_json


def test_a_wrong_key_is_an_authentication_error(client):
    stranger = client.with_options(api_key="wrong")
    assert stranger.models.list().data  # the list is open to all, as llama-server's
    with pytest.raises(AuthenticationError):
        stranger.completions.create(model="m", prompt="x")
