"""What an engine learns of its callers, and what it can tell a browser: engines are not trusted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import raw_upstream
from running_swaplab import Swaplab, chat_body, command, running_swaplab, sim
from wire import JSON, OWN, Wire, basic

KEY, BOSS = "sk-one", "sk-boss"


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    folder = tmp_path_factory.mktemp("engines")
    keys = [KEY, {"key": BOSS, "admin": True}]
    with running_swaplab(folder, {"m": sim()}, apiKeys=keys) as swaplab:
        yield swaplab


def heard(swaplab, *headers):
    """The headers that the engine has seen of a request with these."""
    answer = swaplab.ask("POST", "/v1/chat/completions", json_body=chat_body("m"), headers=dict(headers))
    assert answer.status == 200, answer.text
    with Wire(int(swaplab.port)) as wire:
        (model,) = wire.ask("GET", "/api/models", [("x-api-key", KEY)]).json()["models"]
    with Wire(int(model["base_url"].rpartition(":")[2])) as engine:
        return {name.lower(): value for name, value in engine.ask("GET", "/sim/requests").json()[-1]["headers"]}


def login(swaplab, key):
    with Wire(swaplab.port) as wire:
        answer = wire.ask("POST", "/api/session", [OWN, JSON], b'{"key": "%b"}' % key.encode())
    return answer.headers["Set-Cookie"].partition(";")[0]


def test_a_user_s_key_reaches_the_engine_as_with_llama_swap(swaplab):
    assert heard(swaplab, ("Authorization", f"Bearer {KEY}"))["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "header",
    [("Authorization", f"Bearer {BOSS}"), ("Authorization", basic(BOSS)), ("x-api-key", BOSS), ("api-key", BOSS)],
)
def test_the_administrator_s_does_not(swaplab, header):
    assert not {"authorization", "x-api-key", "api-key"} & heard(swaplab, header).keys()


def test_no_session_does_but_other_cookies_do(swaplab):
    session = login(swaplab, KEY)

    seen = heard(swaplab, ("Cookie", f"theme=dark; {session}; a=b"), OWN)

    assert seen["cookie"] == "theme=dark; a=b"
    assert "cookie" not in heard(swaplab, ("Cookie", session), OWN)


def test_without_keys_the_admin_token_is_kept_from_engines_as_well(tmp_path):
    with running_swaplab(tmp_path, {"m": sim()}) as swaplab:
        token = (tmp_path / "state" / "swaplab" / "admin-token").read_text()
        for header, reaches in ((("Authorization", "Bearer any"), True), (("Authorization", f"Bearer {token}"), False)):
            answer = swaplab.ask("POST", "/v1/chat/completions", json_body=chat_body("m"), headers=dict([header]))
            assert answer.status == 200
            assert ("Authorization" in dict(swaplab.sim_requests("m")[-1]["headers"])) == reaches


def test_which_pages_may_read_an_answer_is_not_for_the_engine_to_say(tmp_path):
    reply = tmp_path / "reply"
    engine = {"cmd": command(sys.executable, Path(raw_upstream.__file__), "${PORT}", reply)}
    reply.write_bytes(
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://evil.example\r\n"
        b"access-control-allow-credentials: true\r\n"
        b"Access-Control-Expose-Headers: X-Mine\r\nX-Mine: 1\r\nContent-Length: 2\r\n\r\nOK"
    )
    with running_swaplab(tmp_path, {"m": engine}, allowedOrigins=["https://friend.example"]) as swaplab:
        ours = swaplab.ask("GET", "/upstream/m/")
        friends = swaplab.ask("GET", "/upstream/m/", headers={"Origin": "https://friend.example"})

    assert ours.headers["X-Mine"] == "1"
    assert [name for name in ours.headers if name.lower().startswith("access-control")] == []
    assert friends.headers.get_all("Access-Control-Allow-Origin") == ["https://friend.example"]
    assert friends.headers["Access-Control-Allow-Credentials"] is None
