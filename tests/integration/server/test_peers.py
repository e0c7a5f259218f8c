"""Models of other servers, through real HTTP: what goes along, what must not, and what is said when it goes wrong."""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import json
import shutil
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from running_swaplab import Answer, Swaplab, chat_body, event_data, running_swaplab, said, sim

from swaplab_core.testing.network import LOOPBACK, find_free_port
from swaplab_core.testing.sim_process import SimProcess, running_sim_process
from swaplab_core.testing.waiting import wait_until

CHAT = "/v1/chat/completions"
OURS = "sk-ours"
THEIRS = "sk-theirs"


@frozen
class World:
    """Two daemons, one open to everybody and one with keys of its own, in front of the same peers."""

    open: Swaplab
    guarded: Swaplab
    plain: SimProcess
    keyed: SimProcess


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    parts = (folder / "key.pem", folder / "certificate.pem")
    argv = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", parts[0], "-out", parts[1]]
    argv += ["-days", "2", "-subj", "/CN=swaplab test", "-addext", f"subjectAltName=IP:{LOOPBACK}"]
    subprocess.run(argv, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text("".join(part.read_text() for part in parts))
    return both


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("peers")
    with contextlib.ExitStack() as running:

        def engine(name: str, *arguments: str) -> SimProcess:
            return running.enter_context(running_sim_process(*arguments, output_file=folder / f"{name}.log"))

        plain = engine("plain", "--say", "far away")
        keyed = engine("keyed", "--api-key", THEIRS)
        slow = engine("slow", "--first-token-seconds", "600")
        endless = engine("endless", "--tokens", "1000000", "--tokens-per-second", "20")
        peers = {
            "lab": {
                "proxy": plain.base_url,
                "models": ["org/far", "near", "shared", "local"],
                "filters": {"stripParams": "top_k", "setParams": {"user": "swaplab"}},
            },
            "keyed": {"proxy": keyed.base_url, "models": ["secret"], "apiKey": THEIRS},
            "deep": {"proxy": f"{plain.base_url}/sim/echo/", "models": ["echo", "shared"]},
            "slow": {"proxy": slow.base_url, "models": ["slow"], "timeouts": {"responseHeader": 1}},
            "endless": {"proxy": endless.base_url, "models": ["endless"]},
            "gone": {"proxy": f"http://{LOOPBACK}:{find_free_port()}", "models": ["gone"]},
            "plaintext": {"proxy": plain.base_url.replace("http", "https"), "models": ["plaintext"]},
        }
        models = {"local": sim("--say", "right here")}
        more = {"selectors": {"auto": {"strategy": "pin", "targets": ["near"]}}, "peers": peers}
        guarded = running.enter_context(running_swaplab(folder, models, **more, apiKeys=[OURS]))
        opened = running.enter_context(running_swaplab(folder, models, **more))
        yield World(opened, guarded, plain, keyed)


@pytest.fixture
def swaplab(world) -> Swaplab:
    return world.open


def chat(swaplab: Swaplab, model: str, headers: dict[str, str] | None = None, **more: object) -> Answer:
    return swaplab.ask("POST", CHAT, json_body=chat_body(model, **more), headers=headers)


def last_request(peer: SimProcess) -> dict[str, Any]:
    """What the peer received last, headers in lower case."""
    connection = http.client.HTTPConnection(LOOPBACK, peer.port)
    with contextlib.closing(connection):
        connection.request("GET", "/sim/requests")
        received = dict(json.load(connection.getresponse())[-1])
    received["headers"] = {name.lower(): value for name, value in received["headers"]}
    return received


# --- names and bodies ---


@pytest.mark.parametrize("name", ["lab/org/far", "org/far", "lab/near", "near", "auto"])
def test_a_peer_is_asked_for_its_own_name_however_the_model_was_named(swaplab, world, name):
    answer = chat(swaplab, name, top_k=40)

    assert answer.said == "far away"
    received = last_request(world.plain)
    assert received["target"] == CHAT
    body = json.loads(received["body"])
    assert body["model"] in {"org/far", "near"}
    assert name == "auto" or name.endswith(body["model"])
    assert (body["user"], "top_k" in body) == ("swaplab", False)


def test_a_path_without_version_reaches_the_peer_without_its_v(swaplab, world):
    assert swaplab.ask("POST", "/v/embeddings", json_body={"model": "near", "input": "x"}).status == 200

    assert last_request(world.plain)["target"] == "/embeddings"


def test_a_model_of_ours_comes_before_a_peers_of_the_same_name(swaplab):
    assert chat(swaplab, "local").said == "right here"
    assert chat(swaplab, "lab/local").said == "far away"


def test_a_name_that_two_peers_have_needs_the_peer(swaplab):
    assert chat(swaplab, "shared").status == 404
    assert chat(swaplab, "lab/shared").status == 200


def test_a_body_without_changes_arrives_byte_for_byte_below_the_peers_path(swaplab, world):
    body = b'{ "model" : "echo",\n "x":1.50 , "\xc3\xbc": [ ] }'

    answer = swaplab.ask("POST", f"{CHAT}?a=%2F&b", body=body, headers={"Content-Type": "application/json"})

    received = answer.json()
    assert received["target"] == f"/sim/echo{CHAT}?a=%2F&b"
    assert received["body"].encode() == body


def test_a_stream_passes_event_by_event(swaplab):
    with swaplab.streaming("endless") as response:
        first = [response.readline() for _ in range(9)]

    assert first.count(b"\n") == 4, "events came out of a stream that would take hours"
    assert response.headers["X-Accel-Buffering"] == "no"


def test_a_whole_stream_arrives(swaplab):
    assert said(swaplab.stream("near")) == "far away"


# --- what goes along ---


def test_the_peer_sees_its_own_host_and_nothing_of_who_forwards(swaplab, world):
    hidden = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "X-Real-IP")

    chat(swaplab, "near", {**dict.fromkeys(hidden, "10.0.0.7"), "X-Own": "kept", "User-Agent": "me/1"})

    headers = last_request(world.plain)["headers"]
    assert headers["host"] == f"{LOOPBACK}:{world.plain.port}"
    assert (headers["x-own"], headers["user-agent"]) == ("kept", "me/1")
    assert not [name for name in headers if name in {header.lower() for header in hidden}]


def test_a_peer_with_a_key_gets_it_both_ways_instead_of_the_clients(swaplab, world):
    for headers in ({}, {"Authorization": "Bearer mine", "x-api-key": "mine", "Cookie": "session=mine"}):
        assert chat(swaplab, "secret", headers).status == 200

        received = last_request(world.keyed)["headers"]
        assert (received["authorization"], received["x-api-key"]) == (f"Bearer {THEIRS}", THEIRS)
        assert "mine" not in str(received)


def test_a_peer_without_a_key_gets_the_clients_while_we_ask_for_none(swaplab, world):
    chat(swaplab, "near", {"Authorization": "Bearer mine"})

    assert last_request(world.plain)["headers"]["authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {OURS}"},
        {"Authorization": "Basic " + base64.b64encode(f"me:{OURS}".encode()).decode()},
        {"x-api-key": OURS},
        {"x-api-key": OURS, "Authorization": "Negotiate something-else-of-mine"},
        {"Authorization": f"Bearer {OURS}", "Cookie": f"key={OURS}", "Api-Key": OURS},
    ],
    ids=["bearer", "basic", "x-api-key", "both", "everywhere"],
)
@pytest.mark.parametrize("path", [CHAT, "/upstream/lab/near/v1/chat/completions"])
def test_a_key_of_ours_never_reaches_a_peer(world, headers, path):
    answer = world.guarded.ask("POST", path, json_body=chat_body("near"), headers=headers)

    assert answer.status == 200, answer.text
    received = str(last_request(world.plain))
    assert OURS not in received
    assert base64.b64encode(f"me:{OURS}".encode()).decode() not in received
    assert "something-else-of-mine" not in received


# --- below /upstream ---


@pytest.mark.parametrize("name", ["lab/org/far", "org/far", "lab%2Forg%2Ffar", "lab/near"])
def test_below_upstream_a_peers_model_leads_to_the_peer_and_the_body_is_left_alone(swaplab, world, name):
    body = b'{"model":"whatever", "top_k": 1}'

    answer = swaplab.ask("POST", f"/upstream/{name}/sim/echo/a%2Fb?q=%20", body=body)

    received = answer.json()
    assert received["target"] == "/sim/echo/a%2Fb?q=%20"
    assert received["body"].encode() == body
    assert dict(map(tuple, received["headers"]))["Host"] == f"{LOOPBACK}:{world.plain.port}"


def test_below_upstream_a_peer_without_a_model_is_nothing(swaplab):
    assert swaplab.ask("GET", "/upstream/lab/health").status == 404


# --- what goes wrong ---


def message(answer: Answer, status: int, code: str) -> str:
    assert (answer.status, answer.error["code"], answer.error["type"]) == (status, code, "server_error")
    return str(answer.error["message"])


def test_a_peer_that_does_not_begin_its_answer_in_time_is_504(swaplab):
    text = message(chat(swaplab, "slow"), 504, "upstream-timeout")

    assert text == "peer slow did not begin its answer within 1 s (the limit is its `timeouts.responseHeader`)"


def test_a_peer_that_is_not_there_is_502(swaplab):
    text = message(chat(swaplab, "gone"), 502, "upstream-died")

    assert text.startswith(f"peer gone did not answer: no connection to {LOOPBACK}:")
    assert text.endswith(": Connection refused")


def test_a_peer_that_speaks_no_tls_is_502(swaplab):
    text = message(chat(swaplab, "plaintext"), 502, "upstream-died")

    assert "no TLS connection to" in text


def test_what_a_peer_refuses_is_refused_in_its_own_words(swaplab, world):
    answer = swaplab.ask("POST", "/upstream/lab/near/sim/status/418?retry_after=7")

    assert (answer.status, answer.headers["Retry-After"]) == (418, "7")
    assert "status 418, as asked for" in answer.text


def test_a_client_that_leaves_ends_the_peers_work(swaplab):
    def running() -> int:
        return int(swaplab.ask("GET", "/upstream/endless/endless/sim/state").json()["running"])

    wait_until(lambda: running() == 0, "earlier streams to end")
    with swaplab.streaming("endless") as response:
        response.readline()
        assert running() == 1

    wait_until(lambda: running() == 0, "the peer to stop generating")


def test_a_signal_lets_a_peers_stream_end_and_takes_nobody_new(serve, tmp_path):
    with running_sim_process("--tokens", "20", "--tokens-per-second", "20", output_file=tmp_path / "peer.log") as peer:
        swaplab = serve({}, killed=True, peers={"lab": {"proxy": peer.base_url, "models": ["m"]}})

        with swaplab.streaming("m") as response:
            response.readline()
            swaplab.process.send(signal.SIGTERM)
            swaplab.process.wait_for_output("stopping: running streams may end")
            with pytest.raises(ConnectionError):  # refused, or reset: it came in the last moment
                chat(swaplab, "m")
            events = event_data(response.read())

    assert events[-1] == "[DONE]"
    assert swaplab.process.wait() == 0


@pytest.mark.parametrize(("drain_seconds", "signals"), [("0.3", 1), ("3600", 2)])
def test_after_its_time_or_at_a_second_signal_a_peers_stream_is_cut_and_not_cleanly(
    serve, tmp_path, drain_seconds, signals
):
    slowly = ("--tokens", "1000000", "--tokens-per-second", "20")
    with running_sim_process(*slowly, output_file=tmp_path / "peer.log") as peer:
        peers = {"lab": {"proxy": peer.base_url, "models": ["m"]}}
        swaplab = serve({}, "--drain-seconds", drain_seconds, killed=True, peers=peers)

        with swaplab.streaming("m") as response:
            response.readline()
            for _ in range(signals):
                swaplab.process.send(signal.SIGTERM)
                swaplab.process.wait_for_output("stopping: running streams may end")
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                response.read()

    assert swaplab.process.wait() == 0


# --- TLS, and swaplab behind swaplab ---


class Greeter(http.server.BaseHTTPRequestHandler):
    """Answers every POST with a chat completion."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"choices": [{"message": {"content": "over TLS"}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def tls_peer(certificate) -> Iterator[dict[str, object]]:
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Greeter) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield {"proxy": f"https://{LOOPBACK}:{server.server_port}", "models": ["m"]}
        finally:
            server.shutdown()
            thread.join()


def test_a_certificate_that_nobody_trusts_is_502_and_says_what_to_do(serve, tls_peer):
    swaplab = serve({}, peers={"tls": tls_peer})

    text = message(chat(swaplab, "m"), 502, "upstream-died")

    assert text.startswith("peer tls did not answer: its certificate is not trusted: self-signed certificate (")
    assert "SSL_CERT_FILE" in text


def test_a_certificate_that_the_machine_trusts_is_fine(tmp_path, tls_peer, certificate):
    with running_swaplab(tmp_path, {}, env={"SSL_CERT_FILE": str(certificate)}, peers={"tls": tls_peer}) as swaplab:
        assert chat(swaplab, "m").said == "over TLS"


def test_another_swaplab_is_a_peer_like_any(serve, world):
    peers = {"east": {"proxy": world.guarded.url, "models": ["local", "lab/near", "missing"], "apiKey": OURS}}
    swaplab = serve({}, peers=peers)

    assert chat(swaplab, "local").said == "right here"
    assert chat(swaplab, "east/lab/near").said == "far away"
    assert said(swaplab.stream("lab/near")) == "far away"
    assert chat(swaplab, "missing").error["code"] == "unknown-model"
