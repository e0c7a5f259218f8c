"""Inference requests that are not JSON chats: forms with files, forms, queries, and paths that lose a prefix."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import time
from collections.abc import Iterator

import pytest
from running_swaplab import Swaplab, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

MODELS = {
    "voice": {**sim("--model", "real-voice"), "useModelName": "real-voice", "aliases": ["v"]},
    "plain": sim("--model", "plain", "--say", "plainly said"),
    "slow": sim("--model", "slow", "--tokens", "1000000", "--tokens-per-second", "20"),
}
BOUNDARY = "----b0undary"


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("inference-kinds"), MODELS) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Swaplab:
    return shared.renew()


def form(*parts: tuple[str, bytes], end: bool = True) -> tuple[bytes, dict[str, str]]:
    """A multipart body from (disposition, content) pairs, and its headers."""
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + content + b"\r\n"
        for disposition, content in parts
    )
    body += f"--{BOUNDARY}--\r\n".encode() if end else b""
    return body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def transcribe(swaplab: Swaplab, body: bytes, headers: dict[str, str]):
    return swaplab.ask("POST", "/v1/audio/transcriptions", body=body, headers=headers)


@pytest.mark.parametrize("size", [0, 1, 5_000_000, 40_000_000])
def test_a_file_reaches_its_engine_whole_under_the_engines_own_model_name(swaplab, size):
    noise = bytes(range(256)) * (size // 256 + 1)
    body, headers = form(('name="model"', b"v"), ('name="file"; filename="a.wav"', noise[:size]))
    answer = transcribe(swaplab, body, headers)
    assert answer.status == 200, answer.text
    assert answer.json()["model"] == "real-voice"
    assert answer.json()["text"] == f"The length of the file is {size} bytes."


def test_the_model_may_stand_behind_the_file(swaplab):
    body, headers = form(('name="file"; filename="a.wav"', b"\r\n--x\r\n"), ('name="model"', b"voice"))
    assert transcribe(swaplab, body, headers).json()["text"] == "The length of the file is 7 bytes."


def test_a_form_without_a_change_is_forwarded_byte_for_byte(swaplab):
    body, headers = form(('name="model"', b"plain"), ('name="file"; filename="\xc3\xa4.wav"', b"abc"))
    transcribe(swaplab, body, headers)
    (seen,) = [r for r in swaplab.sim_requests("plain") if r["target"] == "/v1/audio/transcriptions"]
    assert seen["body"].encode() == body


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (*form(('name="file"; filename="a.wav"', b"abc")), "no-model"),
        (*form(('name="model"', b"voice"), end=False), "invalid-request"),
        (b"junk", {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, "invalid-request"),
        (b"junk", {"Content-Type": "multipart/form-data"}, "invalid-request"),
    ],
)
def test_a_form_that_is_wrong_is_refused_with_its_reason(swaplab, body, headers, code):
    answer = transcribe(swaplab, body, headers)
    assert (answer.status, answer.error["code"]) == (400, code)


@pytest.mark.parametrize("body", [b"[]", b' ["model"]', b'"model"'])
def test_json_that_is_no_object_is_named_as_that_even_when_curl_calls_it_a_form(swaplab, body):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = swaplab.ask("POST", "/v1/chat/completions", body=body, headers=headers)
    assert answer.status == 400
    assert "must be a JSON object" in answer.error["message"]


def test_a_load_is_counted_as_a_swap_once(swaplab):
    def swaps() -> float:
        found = re.search(
            r'^swaplab_swap_seconds_count\{model="plain"\} (\S+)$', swaplab.ask("GET", "/metrics").text, re.MULTILINE
        )
        return float(found[1]) if found else 0.0

    before = swaps()
    swaplab.chat("plain")
    swaplab.chat("plain")
    assert swaps() == before + 1


def test_a_plain_form_and_its_query_name_a_model(swaplab):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    swaplab.ask("POST", "/completion", body=b"model=plain&prompt=x", headers=headers)
    swaplab.ask("POST", "/completion?model=plain", body=b"prompt=x", headers=headers)
    bodies = [r["body"] for r in swaplab.sim_requests("plain") if r["target"].startswith("/completion")]
    assert bodies == ["model=plain&prompt=x", "prompt=x"]


@pytest.mark.parametrize("path", ["/v1/audio/voices", "/props", "/sdapi/v1/loras"])
def test_a_get_names_its_model_in_the_query(swaplab, path):
    answer = swaplab.ask("GET", f"{path}?x=1&model=v")
    assert answer.status == 200, answer.text
    assert swaplab.model("voice")["state"] == "ready"
    assert swaplab.ask("HEAD", f"{path}?model=v").status == 200
    assert swaplab.ask("GET", path).error["code"] == "no-model"


@pytest.mark.parametrize(
    "path",
    [
        "/v/chat/completions",
        "/v/completions",
        "/v/embeddings",
        "/v/messages",
        "/v/messages/count_tokens",
        "/v/responses",
        "/v/rerank",
    ],
)
def test_a_path_without_version_reaches_the_engine_without_its_v(swaplab, path):
    body = {"model": "plain", "messages": [], "input": "x", "query": "q", "documents": ["d"], "max_tokens": 3}
    answer = swaplab.ask("POST", path, json_body=body)
    assert answer.status == 200, answer.text
    assert swaplab.sim_requests("plain")[-1]["target"] == path.removeprefix("/v")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses", "/v1/rerank", "/rerank", "/infill", "/completion"])
def test_other_inference_paths_are_forwarded_as_they_are(swaplab, path):
    body = {"model": "plain", "messages": [], "input": "x", "query": "q", "documents": ["d"], "max_tokens": 3}
    assert swaplab.ask("POST", path, json_body=body).status == 200
    assert swaplab.sim_requests("plain")[-1]["target"] == path


def test_every_posted_request_becomes_a_row_and_can_be_looked_at(swaplab):
    before = swaplab.ask("GET", "/api/metrics/activity").json()["total"]
    swaplab.stream("plain")
    swaplab.ask("GET", "/props?model=plain")
    swaplab.ask(
        "POST", "/v1/chat/completions", json_body={"model": "plain", "messages": []}, headers={"X-Session-ID": "s"}
    )

    page = swaplab.ask("GET", "/api/metrics/activity").json()
    assert page["total"] == before + 2
    newest, streamed = page["data"][:2]
    assert (newest["metadata"]["session_id"], newest["resp_status_code"]) == ("s", 200)
    assert streamed["resp_content_type"] == "text/event-stream"
    assert streamed["ttft_ms"] > 0
    assert streamed["tokens"]["output_tokens"] > 0
    capture = swaplab.ask("GET", f"/api/captures/{newest['id']}").json()
    assert capture["req_path"] == "/v1/chat/completions"
    assert swaplab.ask("GET", "/metrics").text.count('swaplab_requests_total{code="200",model="plain"}') == 1


def test_a_request_in_flight_is_listed_and_can_be_ended(swaplab):
    with swaplab.asking("POST", "/v1/chat/completions", json_body={"model": "slow", "stream": True}) as response:
        response.readline()
        (record,) = swaplab.ask("GET", "/api/inflight").json()["requests"]
        assert (record["model"], record["method"]) == ("slow", "POST")
        cancel = f"/api/inflight/{record['id']}/cancel"
        assert swaplab.ask("POST", cancel).json() == {"msg": "ok"}
        with pytest.raises(http.client.IncompleteRead):
            response.read()
    swaplab.wait_for("slow", serving=0)
    assert swaplab.ask("GET", "/api/inflight").json() == {"requests": []}
    assert swaplab.ask("POST", cancel).status == 404


def test_the_log_of_a_model_is_followed_live(swaplab):
    swaplab.chat("plain")
    with swaplab.asking("GET", "/logs/stream/plain") as response:
        assert b"listening on" in response.readline() + response.readline()
    assert swaplab.ask("GET", "/logs/stream/nobody").status == 400
    lines = swaplab.ask("GET", "/api/logs?source=plain&limit=1").json()["lines"]
    assert len(lines) == 1
    earlier = swaplab.ask("GET", f"/api/logs?source=plain&limit=1&before={lines[0]['seq']}").json()["lines"]
    assert earlier[0]["seq"] < lines[0]["seq"]


def test_events_tell_of_a_swap_in_llama_swaps_words(swaplab):
    with swaplab.asking("GET", "/api/events") as events:
        swaplab.chat("voice")
        seen: list[str] = []
        while not any('"state":"ready"' in data and '"id":"voice"' in data for data in seen):
            line = events.readline().decode()
            if line.startswith("data:"):
                message = json.loads(line.removeprefix("data:"))
                seen += [message["data"]] if message["type"] == "modelStatus" else []


def test_followers_of_events_and_logs_do_not_hold_up_the_end(tmp_path):
    with contextlib.ExitStack() as stack:
        swaplab = stack.enter_context(running_swaplab(tmp_path, {"m": sim()}))
        for path in ("/api/events", "/api/events?topics=models", "/logs/stream", "/api/logs/stream"):
            assert stack.enter_context(swaplab.asking("GET", path)).status == 200
        swaplab.process.send(signal.SIGTERM)
        began = time.monotonic()
        wait_until(lambda: "stopping" in swaplab.log(), "the daemon to stop")
        swaplab.process.wait()
        assert time.monotonic() - began < 4, "aiohttp gives handlers that do not end five seconds"


def test_a_switched_profile_is_announced(tmp_path):
    profiles = {"night": {"pins": {"a": "m"}}}
    with (
        running_swaplab(tmp_path, {"m": sim()}, profiles=profiles) as swaplab,
        swaplab.asking("GET", "/api/events?topics=profile") as events,
    ):
        while b'"active":null' not in events.readline():
            pass
        swaplab.ask("PUT", "/api/profiles/active", json_body={"name": "night"})
        while b'"active":"night"' not in (line := events.readline()):
            assert line, "the stream has ended"
