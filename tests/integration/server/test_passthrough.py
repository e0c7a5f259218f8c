"""`/upstream/<model>/…`: the engine gets what the client sent, and the client what the engine answered."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from running_swaplab import Swaplab, running_swaplab, sim

SLASHED = "org/model name:Q4"
SLASHED_PATH = "org/model%20name:Q4"


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    """One daemon whose models run together: nothing here is about swapping."""
    models = {"m": {**sim(), "aliases": ["also m"]}, SLASHED: sim("--say", "slashed"), "org": sim("--say", "org")}
    folder = tmp_path_factory.mktemp("passthrough")
    groups = {"all": {"swap": False, "members": list(models)}}
    with running_swaplab(folder, models, "--max-body-mib", "1", groups=groups) as swaplab:
        yield swaplab


def echo(swaplab: Swaplab, method: str = "GET", rest: str = "", **more: object) -> dict:
    """What the engine says it received."""
    answer = swaplab.ask(method, f"/upstream/m/sim/echo{rest}", **more)
    assert answer.status == 200, answer.text
    return answer.json()


def raw(swaplab: Swaplab, head: bytes, body: bytes = b"") -> dict:
    """What the engine says it received, when the client sends exactly this head."""
    with socket.create_connection(("127.0.0.1", swaplab.port)) as client:
        client.sendall(head + b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n" + body)
        received = client.makefile("rb").read()
    status, _, answer = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b" ")[2].partition(b" ")
    assert status == b"200", received
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def headers_of(received: dict) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in received["headers"]]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_every_method_passes(swaplab, method):
    assert echo(swaplab, method)["method"] == method


def test_a_head_request_has_the_length_and_no_body(swaplab):
    with swaplab.asking("HEAD", "/upstream/m/sim/echo") as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 0
        assert response.read() == b""


@pytest.mark.parametrize(
    "rest",
    [
        "/a%2Fb",
        "/a%252Fb",
        "/%e4%BD%A0%e5%a5%bd",
        "/a%20b+c",
        "/a//b",
        "/a/../b",
        "/%2e%2e/b",
        "/a;b=c,d@e:f!$&'()*",
        "/?q=%2F&q=a+b&empty=&flag",
        "/?a=1?b=2&c=%26%3D",
        "/?url=http://x/y",
        "/%7Ba%7D",
    ],
)
def test_path_and_query_arrive_as_they_were_written(swaplab, rest):
    assert echo(swaplab, rest=rest)["target"] == f"/sim/echo{rest}"


@pytest.mark.parametrize("prefix", ["m", "also%20m", "%6D"])
def test_a_model_is_named_by_id_alias_or_with_any_encoding(swaplab, prefix):
    assert swaplab.ask("GET", f"/upstream/{prefix}/sim/echo/x").json()["target"] == "/sim/echo/x"


@pytest.mark.parametrize("prefix", [SLASHED_PATH, SLASHED_PATH.replace("/", "%2F"), SLASHED_PATH.replace(":", "%3A")])
def test_the_longest_model_name_that_fits_the_path_is_meant(swaplab, prefix):
    assert swaplab.ask("GET", f"/upstream/{prefix}/test").text == "slashed"
    assert swaplab.ask("GET", "/upstream/org/test").text == "org"


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308), ("PUT", 308), ("DELETE", 308)]
)
def test_a_model_without_a_slash_behind_it_is_a_redirect_that_keeps_method_and_query(swaplab, method, status):
    answer = swaplab.ask(method, f"/upstream/{SLASHED_PATH}?x=%2F")

    assert answer.status == status
    assert urljoin(f"/upstream/{SLASHED_PATH}", answer.headers["Location"]) == f"/upstream/{SLASHED_PATH}/?x=%2F"
    assert urljoin(f"/behind/upstream/{SLASHED_PATH}", answer.headers["Location"]).startswith("/behind/upstream/org/")


def test_without_a_model_a_browser_is_led_to_the_pages(swaplab):
    to_models, to_pages = swaplab.ask("GET", "/upstream"), swaplab.ask("GET", "/")

    assert (to_models.status, urljoin("/upstream", to_models.headers["Location"])) == (302, "/ui/#/models")
    assert (to_pages.status, urljoin("/", to_pages.headers["Location"])) == (302, "/ui/")


def test_a_redirect_starts_no_engine(serve):
    swaplab = serve({"idle": sim()})

    assert swaplab.ask("GET", "/upstream/idle").status == 301
    assert swaplab.starts() == []


def test_a_large_body_streams_through_whatever_the_limit_of_inference(swaplab):
    body = bytes(range(256)) * 2**14  # 4 MiB
    sha256 = hashlib.sha256(body).hexdigest()

    with_length = echo(swaplab, "POST", body=body)
    in_chunks = echo(swaplab, "POST", body=iter([body[:1000], body[1000:]]))

    assert (with_length["body_bytes"], with_length["body_sha256"]) == (len(body), sha256)
    assert ("content-length", str(len(body))) in headers_of(with_length)
    assert in_chunks["body_sha256"] == sha256
    assert ("transfer-encoding", "chunked") in headers_of(in_chunks)


def test_a_body_is_not_waited_for_by_an_engine_that_does_not_want_it(swaplab):
    assert swaplab.ask("POST", "/upstream/m/sim/status/413", body=b"x" * 2**21).status == 413


def test_an_empty_body_stays_empty(swaplab):
    received = echo(swaplab, "POST", body=b"")

    assert received["body_bytes"] == 0
    assert ("content-length", "0") in headers_of(received)


def test_no_body_stays_none(swaplab):
    names = {name for name, _ in headers_of(echo(swaplab))}

    assert not names & {"content-length", "transfer-encoding", "content-type"}


def test_headers_of_the_client_arrive_and_none_are_invented(swaplab):
    sent = {
        "Host": "localhost:1",
        "User-Agent": "me/1",
        "Cookie": "a=1; b=2",
        "Authorization": "Bearer k",
        "X-Y": "z",
    }

    received = headers_of(echo(swaplab, headers={**sent, "Accept-Encoding": "br"}))

    assert {(name.lower(), value) for name, value in sent.items()} <= set(received)
    assert [value for name, value in received if name == "accept-encoding"] == ["br"]
    assert "accept" not in dict(received)


def test_the_address_of_the_client_is_told(swaplab):
    plain = dict(headers_of(echo(swaplab)))
    proxied = dict(headers_of(echo(swaplab, headers={"X-Forwarded-For": "203.0.113.9"})))

    assert plain["x-forwarded-for"] == "127.0.0.1"
    assert proxied["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"


def test_every_address_on_the_way_is_told(swaplab):
    received = raw(
        swaplab, b"GET /upstream/m/sim/echo HTTP/1.1\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"
    )

    assert [value for name, value in headers_of(received) if name == "x-forwarded-for"] == [
        "1.1.1.1, 2.2.2.2, 127.0.0.1"
    ]


def test_a_target_in_absolute_form_is_understood(swaplab):
    assert (
        raw(swaplab, b"GET http://127.0.0.1/upstream/m/sim/echo/%2F?a=%2F HTTP/1.1\r\n")["target"]
        == "/sim/echo/%2F?a=%2F"
    )


def test_a_client_that_asks_before_it_sends_is_answered_here_and_the_engine_is_not_asked(swaplab):
    received = raw(
        swaplab, b"POST /upstream/m/sim/echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", body=b"hello"
    )

    assert received["body"] == "hello"
    assert "expect" not in dict(headers_of(received))


def test_a_compressed_body_arrives_unpacked_and_its_headers_say_so(swaplab):
    zipped = gzip.compress(b"hello" * 100)

    received = echo(swaplab, "POST", body=zipped, headers={"Content-Encoding": "gzip"})

    assert received["body"] == "hello" * 100
    assert "content-encoding" not in dict(headers_of(received))
    assert ("content-length", str(len(zipped))) not in headers_of(received)


def test_a_compressed_body_of_an_inference_request_is_understood(swaplab):
    body = gzip.compress(b'{"model": "m", "messages": []}')

    assert swaplab.ask("POST", "/v1/chat/completions", body=body, headers={"Content-Encoding": "gzip"}).status == 200


def test_an_inference_target_in_absolute_form_is_understood(swaplab):
    head = b"POST http://127.0.0.1/v1/chat/completions?x=%2F HTTP/1.1\r\nContent-Length: 14\r\n"

    assert raw(swaplab, head, body=b'{"model": "m"}')["sim"]["content_length"] == "14"


def test_headers_of_the_connection_end_here(swaplab):
    hops = {
        "Connection": "X-Mine, close",
        "X-Mine": "1",
        "Keep-Alive": "timeout=5",
        "Proxy-Authorization": "Basic x",
        "Proxy-Connection": "keep-alive",
        "TE": "trailers",
        "Upgrade": "h2c",
    }

    received = dict(headers_of(echo(swaplab, headers=hops)))

    assert not received.keys() & {"x-mine", "keep-alive", "proxy-authorization", "proxy-connection", "te", "upgrade"}


def test_a_status_passes_with_its_headers(swaplab):
    answer = swaplab.ask("GET", "/upstream/m/sim/status/429?retry_after=7")

    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["error"]["message"] == "status 429, as asked for"


def test_a_large_answer_arrives_whole(swaplab):
    assert len(swaplab.ask("GET", "/upstream/m/sim/bytes/5000000").body) == 5_000_000


def test_an_answer_arrives_while_it_is_made(swaplab):
    with swaplab.asking("GET", "/upstream/m/slow-respond?echo=ab&delay=1m") as response:
        assert response.read(1) == b"a"


def test_an_inference_path_below_upstream_reaches_the_engine_with_the_body_as_it_is(swaplab):
    body = b'{ "model" : "whatever",\t"messages":[] }'

    answer = swaplab.ask("POST", "/upstream/m/v1/chat/completions", body=body)

    assert json.loads(answer.body)["sim"]["body"].encode() == body
