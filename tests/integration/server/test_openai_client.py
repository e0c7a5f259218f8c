"""The official OpenAI client against two real llama.cpp models."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import openai
import pytest
from running_swaplab import Swaplab, running_swaplab

pytestmark = pytest.mark.llamacpp

TEXTS = {"llama-a": "This is model A, and it always says so.", "llama-b": "Here speaks model B, nobody else."}
ASK = [{"role": "user", "content": "Hi"}]
ALTERNATING = ["llama-a", "llama-b"] * 10


@pytest.fixture(scope="module")
def shared(tmp_path_factory, llamas) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("openai"), llamas) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Swaplab:
    return shared.renew()


@pytest.fixture
def client(swaplab) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{swaplab.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def async_client(swaplab: Swaplab) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{swaplab.url}/v1", api_key="none", max_retries=0)


def test_both_models_answer_and_stream_through_swaps(client, swaplab):
    for model in ("llama-a", "llama-b", "llama-a"):
        whole = client.chat.completions.create(model=model, messages=ASK)
        with client.chat.completions.create(model=model, messages=ASK, stream=True) as stream:
            pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]

        assert whole.choices[0].message.content == TEXTS[model]
        assert "".join(pieces) == TEXTS[model]
        assert len([piece for piece in pieces if piece]) > 3
    assert swaplab.starts() == ["llama-a", "llama-b", "llama-a"]


def test_both_models_answer_and_stream_to_the_async_client(swaplab):
    async def scenario() -> None:
        async with async_client(swaplab) as client:
            for model, text in TEXTS.items():
                whole = await client.chat.completions.create(model=model, messages=ASK)
                assert whole.choices[0].message.content == text
                async with await client.chat.completions.create(model=model, messages=ASK, stream=True) as stream:
                    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
                assert "".join(pieces) == text

    asyncio.run(scenario())


def test_usage_completions_embeddings_and_the_list_are_understood(client):
    usage = client.chat.completions.create(model="llama-a", messages=ASK).usage
    completion = client.completions.create(model="llama-a", prompt="Hi", max_tokens=50)
    embedding = client.embeddings.create(model="llama-a", input="Hi")
    models = client.models.list()

    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    assert completion.choices[0].text.strip() == TEXTS["llama-a"]
    assert len(embedding.data[0].embedding) > 100
    assert [model.id for model in models] == ["llama-a", "llama-b"]


@pytest.mark.parametrize("streamed", [False, True])
def test_twenty_alternating_requests_at_once_are_all_answered_and_collated(swaplab, streamed):
    async def ask(client: openai.AsyncOpenAI, model: str) -> str:
        if not streamed:
            whole = await client.chat.completions.create(model=model, messages=ASK)
            return whole.choices[0].message.content or ""
        async with await client.chat.completions.create(model=model, messages=ASK, stream=True) as stream:
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    async def scenario() -> list[str]:
        async with async_client(swaplab) as client:
            return await asyncio.gather(*(ask(client, model) for model in ALTERNATING))

    answers = asyncio.run(scenario())

    assert answers == [TEXTS[model] for model in ALTERNATING]
    # Two starts, two more where patience ends; and more where a busy machine lets requests arrive late. Never twenty.
    assert len(swaplab.starts()) <= 8
    assert Counter(swaplab.starts()).keys() == set(TEXTS)


def test_refusals_are_the_errors_that_the_client_knows(client):
    with pytest.raises(openai.NotFoundError, match="did you mean 'llama-a'") as unknown:
        client.chat.completions.create(model="llama-aa", messages=ASK)
    with pytest.raises(openai.BadRequestError, match="names no model"):
        client.chat.completions.create(model="", messages=ASK)

    assert unknown.value.code == "unknown-model"
