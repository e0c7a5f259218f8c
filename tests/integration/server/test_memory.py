"""What streams through swaplab does not stay in it: its memory is bounded, whatever the size of a request or answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from memory import growth_of, resident_mib
from running_swaplab import Swaplab, chat_body, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

MB = 1_000_000
WORD_BYTES = 50_000
MODELS = {"m": sim(), "wordy": sim("--say", "x" * WORD_BYTES, "--tokens", "1000000")}
SOAK = [pytest.mark.soak, pytest.mark.timeout(900)]
BOUND_MIB = 40
"""Buffers of the connections, and what the garbage collector has not got round to."""


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    """A daemon that has done a little of everything before it is measured: what is loaded once is no growth."""
    groups = {"all": {"swap": False, "members": list(MODELS)}}
    with running_swaplab(tmp_path_factory.mktemp("memory"), MODELS, groups=groups, executed=True) as swaplab:
        for model in MODELS:
            swaplab.chat(model, max_tokens=5)
            swaplab.stream(model, max_tokens=50)
        upload(swaplab, "/upstream/m/sim/echo", 5)
        transcribe(swaplab, 40)
        yield swaplab


def pieces(megabytes: int) -> Iterator[bytes]:
    return (bytes(MB) for _ in range(megabytes))


def upload(swaplab: Swaplab, path: str, megabytes: int) -> dict:
    headers = {"Content-Length": str(megabytes * MB), "Content-Type": "application/octet-stream"}
    return swaplab.ask("POST", path, body=pieces(megabytes), headers=headers).json()


def transcribe(swaplab: Swaplab, megabytes: int) -> dict:
    """Send a form with a file of this size."""
    head = b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
    head += b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    tail = b"\r\n--x--\r\n"
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Length": str(len(head) + megabytes * MB + len(tail)),
    }

    def body() -> Iterator[bytes]:
        yield head
        yield from pieces(megabytes)
        yield tail

    return swaplab.ask("POST", "/v1/audio/transcriptions", body=body(), headers=headers).json()


def read_all(swaplab: Swaplab, method: str, path: str, **more: object) -> int:
    """How many bytes came."""
    total = 0
    with swaplab.asking(method, path, **more) as response:
        assert response.status == 200
        while piece := response.read(MB):
            total += len(piece)
    return total


@pytest.mark.parametrize("megabytes", [200, pytest.param(2000, marks=SOAK)])
def test_an_answer_streams_through(swaplab, megabytes):
    with growth_of(swaplab.process.pid) as growth:
        assert read_all(swaplab, "GET", f"/upstream/m/sim/bytes/{megabytes * MB}") == megabytes * MB

    assert growth.mib < BOUND_MIB
    print(f"\n{growth.mib:.1f} MiB more at most, for {megabytes} MB")


@pytest.mark.parametrize("megabytes", [100, pytest.param(2000, marks=SOAK)])
def test_a_stream_of_events_that_is_metered_and_would_be_captured_streams_through(swaplab, megabytes):
    body = chat_body("wordy", stream=True, max_tokens=megabytes * MB // WORD_BYTES)

    with growth_of(swaplab.process.pid) as growth:
        assert read_all(swaplab, "POST", "/v1/chat/completions", json_body=body) > megabytes * MB

    assert growth.mib < BOUND_MIB
    print(f"\n{growth.mib:.1f} MiB more at most, for {megabytes} MB")
    row = swaplab.ask("GET", "/api/metrics/activity?limit=1").json()["data"][0]
    assert row["tokens"]["output_tokens"] == megabytes * MB // WORD_BYTES
    assert swaplab.ask("GET", f"/api/captures/{row['id']}").json()["left_out"] == ["resp_body"]


def test_an_answer_that_nobody_reads_waits_in_the_engine(swaplab):
    with growth_of(swaplab.process.pid) as growth:
        with swaplab.asking("GET", f"/upstream/m/sim/bytes/{1000 * MB}") as response:
            response.read(MB)
            for _ in range(50):
                assert swaplab.chat("m").status == 200
        swaplab.wait_for("m", serving=0)

    assert growth.mib < BOUND_MIB


@pytest.mark.parametrize("megabytes", [100, pytest.param(500, marks=SOAK)])
def test_an_upload_streams_through(swaplab, megabytes):
    with growth_of(swaplab.process.pid) as growth:
        received = upload(swaplab, "/upstream/m/sim/echo", megabytes)

    assert (received["body_bytes"], received["body_sha256"]) == (megabytes * MB, sha256_of(megabytes))
    assert growth.mib < BOUND_MIB
    print(f"\n{growth.mib:.1f} MiB more at most, for {megabytes} MB")


def sha256_of(megabytes: int) -> str:
    digest = hashlib.sha256()
    for piece in pieces(megabytes):
        digest.update(piece)
    return digest.hexdigest()


@pytest.mark.parametrize("megabytes", [100, pytest.param(300, marks=SOAK)])
def test_a_file_in_a_form_waits_on_disk(swaplab, megabytes):
    with growth_of(swaplab.process.pid) as growth:
        assert transcribe(swaplab, megabytes)["text"] == f"The length of the file is {megabytes * MB} bytes."

    assert growth.mib < BOUND_MIB
    print(f"\n{growth.mib:.1f} MiB more at most, for {megabytes} MB")


def test_a_large_body_of_json_is_held_while_it_is_needed_and_given_back(swaplab):
    megabytes = 100
    body = b'{"model": "m", "messages": [], "picture": "' + b"x" * (megabytes * MB) + b'"}'

    with growth_of(swaplab.process.pid) as during:
        assert swaplab.ask("POST", "/v1/chat/completions", body=body).status == 200

    assert during.mib < 5 * megabytes
    wait_until(lambda: resident_mib(swaplab.process.pid) < during.before + BOUND_MIB, "it to be given back")
