"""Two real llama.cpp models behind one address: whoever is named answers, and the other makes room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running_swaplab import Swaplab, running_swaplab, said

pytestmark = pytest.mark.llamacpp

A = "This is model A, and it always says so."
B = "Here speaks model B, nobody else."
A_B_A = ["llama-a", "llama-b", "llama-a"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory, llamas) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("swaps"), llamas) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Swaplab:
    return shared.renew()


def test_chats_are_answered_by_whom_they_name(swaplab):
    answers = [swaplab.chat(model).said for model in A_B_A]

    assert answers == [A, B, A]
    assert swaplab.starts() == A_B_A


def test_streamed_chats_are_answered_by_whom_they_name(swaplab):
    assert [said(swaplab.stream(model)) for model in A_B_A] == [A, B, A]
    assert swaplab.starts() == A_B_A


def test_plain_completions_are_answered_by_whom_they_name(swaplab):
    answers = [
        swaplab.ask("POST", "/v1/completions", json_body={"model": model, "prompt": "Hi", "max_tokens": 50})
        for model in A_B_A
    ]

    assert [answer.json()["choices"][0]["text"].strip() for answer in answers] == [A, B, A]


def test_a_streamed_completion_comes_in_pieces(swaplab):
    body = {"model": "llama-b", "prompt": "Hi", "max_tokens": 50, "stream": True}

    answer = swaplab.ask("POST", "/v1/completions", json_body=body)

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.body.count(b"data: ") > 5
    assert answer.text.rstrip().endswith("data: [DONE]")


def test_embeddings_come_from_whom_they_name(swaplab):
    answers = [
        swaplab.ask("POST", "/v1/embeddings", json_body={"model": model, "input": "one text"}) for model in A_B_A
    ]

    lengths = [len(answer.json()["data"][0]["embedding"]) for answer in answers]
    assert all(length > 100 for length in lengths)
    assert lengths[0] == lengths[2]
    assert swaplab.starts() == A_B_A


def test_the_model_list_says_who_is_loaded(swaplab):
    swaplab.chat("llama-b")

    listing = swaplab.ask("GET", "/v1/models").json()

    assert listing["object"] == "list"
    assert {model["id"]: model["status"]["value"] for model in listing["data"]} == {
        "llama-a": "unloaded",
        "llama-b": "loaded",
    }


def test_only_the_engine_that_runs_is_listed_as_running(swaplab):
    assert swaplab.ask("GET", "/running").json() == {"running": []}
    swaplab.chat("llama-a")

    (running,) = swaplab.ask("GET", "/running").json()["running"]

    assert (running["model"], running["state"]) == ("llama-a", "ready")
    assert running["proxy"] == swaplab.model("llama-a")["base_url"]
    assert " -m " in running["cmd"]


@pytest.mark.parametrize(
    ("method", "path", "says"), [("GET", "/unload", "OK"), ("POST", "/api/models/unload", '{"msg":"ok"}')]
)
def test_unloading_everything_leaves_nothing_running(swaplab, method, path, says):
    swaplab.chat("llama-a")
    before = swaplab.model("llama-a")

    answer = swaplab.ask(method, path)

    assert (answer.status, answer.text) == (200, says)
    assert before["pid"] not in swaplab.living()
    assert swaplab.ask("GET", "/running").json() == {"running": []}
    assert swaplab.chat("llama-a").said == A
