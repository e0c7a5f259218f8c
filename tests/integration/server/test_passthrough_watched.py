"""What of /upstream is watched: inference is in flight, metered and captured; nothing else is. And refusals there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest
from running_swaplab import Answer, Swaplab, chat_body, running_swaplab, sim

SLOWLY = ("--tokens", "1000000", "--tokens-per-second", "20")
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nSOUND\r\n'
MULTIPART = FILE + b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--x--\r\n'


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    models = {"m": {**sim("--say", "Hello there"), "aliases": ["also"]}, "zipped": sim("--gzip"), "slow": sim(*SLOWLY)}
    groups = {"all": {"swap": False, "members": list(models)}}
    routing = {"scheduler": {"settings": {"fifo": {"priority": {"m": 3}}}}, "router": {"settings": {"groups": groups}}}
    with running_swaplab(tmp_path_factory.mktemp("watched"), models, routing=routing) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared) -> Swaplab:
    return shared


def rows(swaplab: Swaplab, model: str = "m") -> list[dict]:
    """The rows of a model, newest first."""
    return swaplab.ask("GET", f"/api/metrics/activity?model={model}").json()["data"]


def below(swaplab: Swaplab, path: str, method: str = "POST", model: str = "m", **more: object) -> Answer:
    return swaplab.ask(method, f"/upstream/{model}{path}", **(more or {"json_body": chat_body("whatever")}))


def capture(swaplab: Swaplab, row: dict) -> dict:
    found = swaplab.ask("GET", f"/api/captures/{row['id']}").json()
    return found | {part: base64.b64decode(found[part]) for part in ("req_body", "resp_body")}


def test_inference_is_metered_and_captured_under_the_path_that_the_engine_saw(swaplab):
    body = b'{ "model": "whatever",\t"messages": [] }'

    answer = below(swaplab, "/v1/chat/completions?x=%2F", body=body, headers={"Authorization": "Bearer secret"})

    assert answer.status == 200
    row = rows(swaplab)[0]
    assert (row["model"], row["req_path"], row["resp_status_code"]) == ("m", "/v1/chat/completions", 200)
    assert row["tokens"]["output_tokens"] > 0
    assert row["metadata"]["fifo_priority"] == "3"
    assert row["has_capture"]
    kept = capture(swaplab, row)
    assert kept["req_path"] == "/v1/chat/completions?x=%2F"
    assert (kept["req_body"], kept["resp_body"]) == (body, answer.body)
    assert kept["req_headers"]["Authorization"] == "[REDACTED]"


def test_a_chunked_and_a_compressed_exchange_are_understood_too(swaplab):
    body = json.dumps(chat_body("m", stream=True)).encode()

    answer = below(swaplab, "/v1/chat/completions", model="zipped", body=iter([body[:5], body[5:]]))
    zipped = below(swaplab, "/v1/chat/completions", model="zipped", body=body, headers={"Accept-Encoding": "br, gzip"})

    assert (answer.status, zipped.headers["Content-Encoding"]) == (200, "gzip")
    newest, before = rows(swaplab, "zipped")[:2]
    assert newest["tokens"]["output_tokens"] == before["tokens"]["output_tokens"] > 0
    assert capture(swaplab, before)["req_body"] == body
    assert b"[DONE]" in capture(swaplab, newest)["resp_body"]


@pytest.mark.parametrize(
    ("path", "body", "left_out"),
    [
        ("/v1/audio/speech", b'{"input": "hi"}', ["resp_body"]),
        ("/v1/audio/transcriptions", MULTIPART, ["req_body"]),
        ("/v1/images/edits", MULTIPART, ["req_body", "resp_body"]),
    ],
)
def test_media_are_not_captured(swaplab, path, body, left_out):
    below(swaplab, path, body=body, headers={"Content-Type": "multipart/form-data; boundary=x"})

    kept = capture(swaplab, rows(swaplab)[0])
    assert (kept["req_path"], sorted(kept["left_out"])) == (path, left_out)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/tokenize"), ("POST", "/sim/echo"), ("GET", "/v1/audio/voices"), ("PUT", "/v1/chat/completions")],
)
def test_nothing_else_becomes_a_row(swaplab, method, path):
    before = rows(swaplab)

    below(swaplab, path, method, json_body={"content": "x"})

    assert rows(swaplab) == before


def test_an_error_of_the_engine_is_a_row_that_says_it(swaplab):
    assert below(swaplab, "/v1/chat/completions", body=b"no JSON").status == 400

    row = rows(swaplab)[0]
    assert row["resp_status_code"] == 400
    assert row["error_msg"]


def in_flight(swaplab: Swaplab) -> list[dict]:
    return swaplab.ask("GET", "/api/inflight").json()["requests"]


def test_inference_is_in_flight_under_its_own_path_and_can_be_cancelled(swaplab):
    with swaplab.asking(
        "POST", "/upstream/slow/v1/chat/completions", json_body=chat_body("x", stream=True), headers={"X-Api-Key": "k"}
    ) as stream:
        stream.readline()
        (request,) = in_flight(swaplab)
        assert (request["model"], request["req_path"], request["method"]) == ("slow", "/v1/chat/completions", "POST")
        assert request["req_headers"]["X-Api-Key"] == "[REDACTED]"
        assert request["resp_headers"]["Content-Type"].startswith("text/event-stream")
        assert swaplab.ask("POST", f"/api/inflight/{request['id']}/cancel").json() == {"msg": "ok"}
        swaplab.wait_for("slow", serving=0)

    assert in_flight(swaplab) == []
    assert [row["error_msg"] for row in rows(swaplab, "slow")] == ["the client left"], "recorded once"


def test_other_paths_are_not_in_flight(swaplab):
    with swaplab.asking("GET", "/upstream/m/slow-respond?echo=ab&delay=1m") as response:
        response.read(1)
        assert (in_flight(swaplab), swaplab.model("m")["serving"]) == ([], 1)
    swaplab.wait_for("m", serving=0)


# static files


PATHS = [("/app.js", 409), ("/a/b.CSS.css", 409), ("/logo.png?v=1", 409), ("/index.html", 200), ("/js", 200)]


@pytest.mark.parametrize(("path", "status"), PATHS)
def test_static_files_load_no_model(swaplab, path, status):
    swaplab.renew()

    answer = below(swaplab, "/sim/echo" + path, "GET", json_body=None)

    assert answer.status == status
    assert swaplab.starts() == (["m"] if status == 200 else [])
    if status == 409:
        assert answer.error["code"] == "conflict"
        assert below(swaplab, "/test", "GET", json_body=None).status == 200
        assert below(swaplab, "/sim/echo" + path, "GET", json_body=None).status == 200, "ready serves everything"


def test_other_patterns_replace_the_default_ones(serve):
    swaplab = serve({"m": sim()}, upstream={"ignorePaths": [r"^/sim/echo/é", "^/ws$"]})

    assert [
        below(swaplab, path, "GET", json_body=None).status for path in ("/sim/echo/%C3%A9", "/ws?x", "/sim/echo/app.js")
    ] == [409, 409, 200]


# refusals


def test_a_refusal_tells_the_place_in_the_queue_and_when_to_try_again(serve):
    swaplab = serve({"m": {**sim(*SLOWLY), "concurrencyLimit": 1}})

    with swaplab.streaming("m"):
        refused = below(swaplab, "/anything")

    assert (refused.status, refused.error["code"]) == (429, "too-many-requests")
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["X-Swaplab-Queue-Position"] == "1"


def test_a_load_that_fails_is_told_and_recorded_when_it_was_for_inference(serve):
    swaplab = serve({"broken": sim("--die-at-start")})

    assert below(swaplab, "/v1/chat/completions", model="broken").status == 502
    assert below(swaplab, "/other", model="broken").error["code"] == "start-failed"

    assert [row["resp_status_code"] for row in rows(swaplab, "broken")] == [502]
