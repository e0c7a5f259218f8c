"""Inference requests that are not JSON chats: forms with files, forms, queries, and paths that lose a prefix."""

from __future__ import annotations

import contextlib
import http.client
import re
import sys
from collections.abc import Iterator
from pathlib import Path

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


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("headers", [FORM, {}, {"Content-Type": "text/plain"}], ids=["form", "untyped", "other"])
def test_what_is_no_json_is_read_as_a_form_and_the_name_in_it_is_replaced(swaplab, headers):
    swaplab.ask("POST", "/completion", body=b"a=%26&model=v&prompt=%C3%A4", headers=headers)
    swaplab.ask("POST", "/completion?x=1&model=v", body=b"prompt=x", headers=headers)

    inside, beside = [r for r in swaplab.sim_requests("voice") if r["target"].startswith("/completion")]
    assert (inside["body"], inside["target"]) == ("a=%26&model=real-voice&prompt=%C3%A4", "/completion")
    assert (beside["body"], beside["target"]) == ("prompt=x", "/completion?x=1&model=real-voice")


def test_the_name_in_a_query_is_replaced(swaplab):
    swaplab.ask("GET", "/props?a=%26&model=v")

    assert swaplab.sim_requests("voice")[-1]["target"] == "/props?a=%26&model=real-voice"


def test_a_query_reaches_the_engine_as_it_was_written(swaplab):
    query = "model=plain&a=1%262%3D3&b=%41%2541&c=%01%20+%C3%A9&d"

    assert swaplab.ask("GET", f"/props?{query}").status == 200

    assert swaplab.sim_requests("plain")[-1]["target"] == f"/props?{query}"


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


@pytest.mark.parametrize(
    ("path", "recorded"),
    [("/v/embeddings", "/embeddings"), ("/audioapi/v1/tasks/run", "/v1/tasks/run"), ("/v1/rerank", "/v1/rerank")],
)
def test_a_row_has_the_path_that_the_engine_saw(swaplab, path, recorded):
    body = {"model": "plain", "input": "x", "query": "q", "documents": ["d"]}
    assert swaplab.ask("POST", path, json_body=body).status == 200

    row = swaplab.ask("GET", "/api/metrics/activity?limit=1").json()["data"][0]
    assert (row["model"], row["req_path"]) == ("plain", recorded)
    assert swaplab.ask("GET", f"/api/captures/{row['id']}").json()["req_path"] == recorded


def test_a_request_for_an_unknown_model_is_recorded_but_not_counted(swaplab):
    name = "n\u00f6body\x00" + "x" * 300
    refused = swaplab.chat(name)

    row = swaplab.ask("GET", "/api/metrics/activity?limit=1").json()["data"][0]
    assert (row["model"], row["resp_status_code"]) == (name.replace("\0", "")[:200], refused.status)
    assert row["error_msg"].startswith("no model named")
    assert "body" not in swaplab.ask("GET", "/metrics").text


def test_without_captures_requests_are_recorded_all_the_same(serve):
    swaplab = serve({"m": sim(), "bad": sim("--die-at-start")}, captureBuffer=0)
    swaplab.chat("m")
    swaplab.chat("bad")

    bad, good = swaplab.ask("GET", "/api/metrics/activity").json()["data"]
    assert (good["resp_status_code"], good["has_capture"], bad["resp_status_code"]) == (200, False, 502)
    assert "bad ended by itself" in bad["error_msg"]


@pytest.mark.skipif(sys.platform != "linux", reason="open files are seen in /proc")
def test_temporary_files_of_large_forms_are_gone_as_soon_as_they_exist(tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    with running_swaplab(tmp_path, {"m": sim("--load-seconds", "30")}, env={"TMPDIR": str(folder)}) as swaplab:
        body, headers = form(('name="model"', b"m"), ('name="file"; filename="a.wav"', bytes(40_000_000)))
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", swaplab.port)) as client:
            client.request("POST", "/v1/audio/transcriptions", body, headers)
            swaplab.wait_for("m", waiting=1)
            held = open_files(swaplab.process.pid, folder)
            assert len(held) == 1, "the form waits on disk"
            assert all(file.endswith("(deleted)") for file in held), "and its name is gone already"
        wait_until(lambda: not open_files(swaplab.process.pid, folder), "the file to be closed")


def open_files(pid: int, folder: Path) -> list[str]:
    """Files below a folder that a process holds open."""
    targets = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return [target for target in targets if target.startswith(str(folder))]
