"""Wrong requests: each is answered with one clear message in OpenAI's shape, and the daemon serves the next one."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest
from running_swaplab import Swaplab, chat_body, running_swaplab, sim

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    folder = tmp_path_factory.mktemp("wrong-requests")
    with running_swaplab(folder, {"qwen3": sim("--say", "fine")}, "--max-body-mib", "1") as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Iterator[Swaplab]:
    """One daemon for all of them; after each wrong request it must serve a good one."""
    yield shared
    assert shared.chat("qwen3").said == "fine"


def refused(swaplab: Swaplab, body: bytes, status: int = 400) -> str:
    """The message that answers this body."""
    answer = swaplab.ask("POST", CHAT, body=body, headers={"Content-Type": "application/json"})
    assert answer.status == status, answer.text
    assert answer.error["type"] == "invalid_request_error"
    return str(answer.error["message"])


def test_an_unknown_model_is_404_and_the_nearest_is_named(swaplab):
    answer = swaplab.ask("POST", CHAT, json_body=chat_body("qwen33"))

    assert (answer.status, answer.error["code"]) == (404, "unknown-model")
    assert answer.error["message"] == "no model named 'qwen33' is configured (did you mean 'qwen3'?)"


def test_an_unknown_model_unlike_any_is_told_what_there_is(swaplab):
    assert "there are: qwen3" in refused(swaplab, b'{"model": "gpt-4o"}', 404)


@pytest.mark.parametrize("body", [b"{}", b'{"model": null}', b'{"model": ""}', b'{"messages": []}'])
def test_a_request_without_a_model_is_told_to_name_one(swaplab, body):
    assert refused(swaplab, body).startswith('the request names no model (set "model" to one of')


@pytest.mark.parametrize(
    ("value", "kind"),
    [("[]", "a list"), ('{"a": 1}', "an object"), ("true", "true or false"), ('["qwen3"]', "a list")],
)
def test_a_model_of_the_wrong_type_is_named(swaplab, value, kind):
    assert refused(swaplab, f'{{"model": {value}}}'.encode()) == f'"model" must be a text, not {kind}'


def test_malformed_json_is_told_with_its_place(swaplab):
    message = refused(swaplab, b'{"model": "qwen3",\n  "messages": [,]}')

    assert message.startswith("the body is not valid JSON: ")
    assert message.endswith("at line 2, column 16")


@pytest.mark.parametrize(
    "body", [b"", b"   ", b"hello", b'{"model": "qwen3"', b'{"model": "qwen3"} {}', b"\xff\xfe{}", b"NaN"]
)
def test_what_is_no_json_is_named_as_such(swaplab, body):
    assert refused(swaplab, body).startswith("the body is not valid JSON: ")


def test_json_nested_without_end_is_refused_and_not_a_crash(swaplab):
    assert refused(swaplab, b'{"model": "qwen3", "a": ' + b"[" * 100_000 + b"}").startswith(
        "the body is not valid JSON: "
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'[{"model": "qwen3"}]', "a list"),
        (b'"qwen3"', "a text"),
        (b"3", "a number"),
        (b"null", "null"),
        (b"false", "true or false"),
    ],
)
def test_json_that_is_no_object_is_named(swaplab, body, kind):
    assert refused(swaplab, body) == f"the body must be a JSON object, not {kind}"


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_a_body_that_is_too_large_is_413_with_the_limit(swaplab, chunked):
    body = b'{"model": "qwen3", "prompt": "' + b"x" * 2**21 + b'"}'

    answer = swaplab.ask("POST", CHAT, body=iter([body]) if chunked else body)

    assert (answer.status, answer.error["code"]) == (413, "body-too-large")
    assert answer.error["message"] == "the body is larger than 1 MiB (start swaplab with a larger --max-body-mib)"


def test_a_body_just_below_the_limit_is_served(swaplab):
    body = b'{"model": "qwen3", "prompt": "' + b"x" * (2**20 - 100) + b'"}'

    assert swaplab.ask("POST", CHAT, body=body).status == 200


def test_a_path_that_is_not_served_is_404_and_a_wrong_method_405(swaplab):
    missing = swaplab.ask("POST", "/v1/nothing", json_body={})
    wrong = swaplab.ask("GET", CHAT)

    assert (missing.status, missing.error["message"]) == (404, "nothing is served at /v1/nothing")
    assert (wrong.status, wrong.error["code"]) == (405, "method-not-allowed")
    assert wrong.headers["Allow"] == "POST"
    assert wrong.error["message"] == f"{CHAT} does not take GET (it takes POST)"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/chat/completions", CHAT),
        ("/v1/v1/chat/completions", CHAT),
        ("//v1/models", "/v1/models"),
        ("/v1/chat/completion", CHAT),
        ("/chat/completion", CHAT),
        ("/" + "v1" * 150, ""),
    ],
    ids=["no version", "two versions", "two slashes", "mistyped", "mistyped without version", "long"],
)
def test_who_mistypes_a_path_is_told_which_was_meant(swaplab, path, meant):
    answer = swaplab.ask("POST", path, json_body={})

    assert answer.status == 404
    said = f" (did you mean {meant}?)" if meant else ""
    assert answer.error["message"] == f"nothing is served at {path}{said}"


def test_upstream_without_a_known_model_is_404(swaplab):
    for path in ("/upstream/", "/upstream/nobody/health"):
        answer = swaplab.ask("GET", path)

        assert (answer.status, answer.error["code"]) == (404, "unknown-model")
        assert path in answer.error["message"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_the_lists_take_no_writing(swaplab, method):
    assert swaplab.ask(method, "/v1/models").status == 405


def test_a_plan_for_nobody_and_from_nothing_is_refused(swaplab):
    assert swaplab.ask("POST", "/api/plan", json_body={"model": "x"}).error["code"] == "unknown-model"
    assert swaplab.ask("POST", "/api/plan", json_body={}).error["code"] == "no-model"
    assert swaplab.ask("POST", "/api/plan", body=b"?").error["code"] == "invalid-request"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: \x00\r\n\r\n",
        b"GET /props?model=qwen3&x=\xff\xfe HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"\x16\x03\x01 hello, is this TLS?\r\n\r\n",
    ],
)
def test_what_is_no_http_is_400_and_leaves_no_traceback_in_the_log(swaplab, sent):
    with socket.create_connection(("127.0.0.1", swaplab.port), timeout=120) as client:
        client.sendall(sent)
        assert client.recv(65536).split(b"\r\n")[0].split()[1] == b"400"

    assert "Traceback" not in swaplab.log()


def test_no_answer_shows_the_insides(swaplab):
    answers = [
        swaplab.ask("POST", CHAT, body=b'{"model": "\\ud800"}'),
        swaplab.ask("POST", CHAT, body=b'{"model": 1e999}'),
        swaplab.ask("POST", CHAT, body=b'{"model": 123456789012345678901234567890}'),
        swaplab.ask("POST", "/api/models/load/%00%ff", body=b""),
        swaplab.ask("GET", "/upstream/%00%ff/"),
    ]

    assert all(400 <= answer.status < 500 for answer in answers), [answer.status for answer in answers]
    assert not any(re.search(r"Traceback|\.py\b|object at 0x", answer.text) for answer in answers)
