"""Keys as clients of llama-swap and OpenAI use them. Every route by every carrier: tests/security/test_roles.py."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import openai
import pytest
from route_table import route_table
from running_swaplab import Swaplab, chat_body, running_swaplab, sim

from swaplab_core.domain.access import Policy

KEY, OTHER = "sk-one", "sk-zwölf"


ROUTES = [served for served in route_table() if served.policy is not Policy.OPEN and served.method != "TRACE"]


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    folder = tmp_path_factory.mktemp("keys")
    with running_swaplab(folder, {"m": sim("--say", "welcome")}, apiKeys=[KEY, OTHER]) as swaplab:
        yield swaplab


def test_every_route_asks_for_a_key_and_starts_nothing(swaplab):
    for served in ROUTES:
        body = chat_body("m") if served.method == "POST" else None
        answer = swaplab.ask(served.method, served.path, json_body=body)

        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="swaplab"'
        if served.method != "HEAD":
            error = answer.error
            assert (error["code"], error["type"]) == ("unauthorized", "authentication_error")
            assert "Authorization: Bearer" in error["message"]
    assert swaplab.starts() == []


@pytest.mark.parametrize(
    "path", ["/nothing", "/health/", "/healthy", "//health", "/v1/models/../../health", "/health%2f"]
)
def test_so_does_what_is_not_served(swaplab, path):
    assert swaplab.ask("GET", path).status == 401


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_answers_everybody(swaplab, method):
    assert swaplab.ask(method, "/health").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"x-api-key": KEY},
        {"Authorization": "Basic " + base64.b64encode(f"anybody:{KEY}".encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(f":{OTHER}".encode()).decode()},
        {"Authorization": "Basic ???", "x-api-key": KEY},
        {"x-api-key": OTHER.encode()},
    ],
    ids=["bearer", "x-api-key", "basic", "the other one", "after a broken one", "bytes of UTF-8"],
)
def test_a_key_opens_whichever_way_it_comes(swaplab, headers):
    assert swaplab.ask("GET", "/v1/models", headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer sk-on"},
        {"Authorization": "Bearer wrong", "x-api-key": KEY},
        {"Authorization": KEY},
        {"Cookie": f"key={KEY}"},
        {"x-api-key": b"\xff\xfe"},
        {"Authorization": b"Basic \xff\xfe"},
    ],
    ids=["wrong", "wrong before right", "no scheme", "cookie", "no UTF-8", "no ASCII"],
)
def test_anything_else_does_not(swaplab, headers):
    assert swaplab.ask("GET", "/v1/models", headers=headers).status == 401
    assert swaplab.ask("GET", f"/v1/models?key={KEY}&api_key={KEY}").status == 401


def test_the_openai_client_speaks_with_a_key_and_understands_its_lack(swaplab):
    ask = [{"role": "user", "content": "Hi"}]
    with openai.OpenAI(base_url=f"{swaplab.url}/v1", api_key=KEY, max_retries=0) as client:
        assert client.chat.completions.create(model="m", messages=ask).choices[0].message.content == "welcome"
        client.api_key = "wrong"
        with pytest.raises(openai.AuthenticationError, match="does not know the key") as refused:
            client.chat.completions.create(model="m", messages=ask)
        assert refused.value.code == "wrong-key"


def test_a_wrong_key_reads_otherwise_than_none_and_tells_of_no_other(swaplab):
    missing, wrong, near = (
        swaplab.ask("GET", "/v1/models", headers=headers)
        for headers in ({}, {"x-api-key": "x"}, {"x-api-key": KEY[:-1]})
    )
    assert (missing.status, missing.error["code"]) == (401, "unauthorized")
    assert (wrong.status, wrong.error["code"]) == (401, "wrong-key")
    assert wrong.error["message"] == "this server does not know the key that was sent (compare it with the one you got)"
    assert near.body == wrong.body

    admin = [swaplab.ask("GET", "/api/debug/engine", headers={"x-api-key": key}) for key in ("x", KEY)]
    assert [(answer.status, answer.error["code"]) for answer in admin] == [(401, "wrong-key"), (403, "forbidden")]
