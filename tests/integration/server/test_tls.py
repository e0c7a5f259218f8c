"""swaplab speaks https by itself: with a certificate that the test makes, for clients, commands, plugins and pages."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from attrs import frozen
from running_swaplab import SWAPLAB, Swaplab, chat_body, event_data, run_swaplab, running_swaplab, sim

from swaplab_core.testing.network import LOOPBACK

SECONDS = 20


@frozen
class Secure:
    """A daemon that speaks https, who vouches for it, and the files it was given."""

    swaplab: Swaplab
    authority: trustme.CA
    certificate: Path
    key: Path

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.swaplab.port}"

    def opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def open(self, path, body=None, **headers):
        data = None if body is None else json.dumps(body).encode()
        sent = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self.opener().open(urllib.request.Request(self.url + path, data, sent), timeout=SECONDS)

    def read(self, path, body=None, **headers):
        with self.open(path, body, **headers) as response:
            return response.read()

    def serial(self):
        """Of the certificate that is shown now."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        with (
            closing(socket.create_connection((LOOPBACK, self.swaplab.port), SECONDS)) as plain,
            context.wrap_socket(plain, server_hostname=LOOPBACK) as wrapped,
        ):
            return wrapped.getpeercert()["serialNumber"]


def write_certificate(authority, certificate, key):
    made = authority.issue_cert(LOOPBACK)
    certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())


@pytest.fixture(scope="module")
def secure(tmp_path_factory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("tls")
    authority, certificate, key = trustme.CA(), folder / "cert.pem", folder / "key.pem"
    write_certificate(authority, certificate, key)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    options = ("--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    with running_swaplab(
        folder, {"m": sim("--tokens-per-second", "50", "--say", "one two three")}, *options
    ) as swaplab:
        yield Secure(swaplab, authority, certificate, key)


def test_a_stream_passes_event_by_event(secure):
    with secure.open("/v1/chat/completions", chat_body("m", stream=True)) as response:
        first = response.readline()
        assert first.startswith(b"data: ")
        rest = response.read()
    assert event_data(first + rest)[-1] == "[DONE]"


def test_events_and_the_plugins_routes_work(secure):
    with secure.open("/api/events?topics=models") as response:
        assert response.readline() == b"event: reset\n"
    assert json.loads(secure.read("/api/tags"))["models"], "the plugin asks the server itself, over https"


def test_a_session_is_never_sent_unencrypted(secure):
    token = (secure.certificate.parent / "state" / "swaplab" / "admin-token").read_text()
    with secure.open("/api/session", {"key": token}, X_Swaplab="1") as response:
        assert "Secure" in response.headers["Set-Cookie"]


def test_the_commands_reach_it_with_the_token(secure):
    folder = secure.certificate.parent
    environment = {**os.environ, "SSL_CERT_FILE": str(folder / "ca.pem"), "XDG_STATE_HOME": str(folder / "state")}

    def run(*arguments):
        argv = [SWAPLAB, *arguments, "--url", secure.url]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=True).stdout

    assert "m" in run("models").split()
    assert run("ui").startswith(f"{secure.url}/login?once=")


def test_who_speaks_no_tls_gets_no_answer_and_does_no_harm(secure):
    with closing(socket.create_connection((LOOPBACK, secure.swaplab.port), SECONDS)) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            answer = plain.recv(100)
        except ConnectionResetError:
            answer = b""
    assert b"OK" not in answer
    assert secure.read("/health") == b"OK"


def test_a_renewed_certificate_is_used_after_sighup_and_a_bad_one_is_not(secure):
    before = secure.serial()
    good = secure.certificate.read_bytes(), secure.key.read_bytes()

    secure.key.write_text("nonsense")
    secure.swaplab.process.send(signal.SIGHUP)
    secure.swaplab.wait_for_log("the certificate in use stays")
    assert secure.serial() == before

    secure.key.write_bytes(good[1])
    write_certificate(secure.authority, secure.certificate, secure.key)
    secure.swaplab.process.send(signal.SIGHUP)
    secure.swaplab.wait_for_log("the certificate was read again")
    assert secure.serial() != before


@pytest.fixture
def files(tmp_path) -> tuple[Path, Path]:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(trustme.CA(), certificate, key)
    return certificate, key


def refused(tmp_path, *options, code=1):
    config = tmp_path / "config.yaml"
    config.write_text("models: {}\n")
    ended = run_swaplab("serve", "--config", config, "--listen", f"{LOOPBACK}:0", *options)
    assert (ended.returncode, ended.stdout, "Traceback" in ended.stderr) == (code, "", False), ended.stderr
    return ended.stderr


def test_one_file_without_the_other_is_refused(tmp_path, files):
    certificate, key = files
    assert "give both" in refused(tmp_path, "--tls-cert-file", certificate, code=2)
    assert "give both" in refused(tmp_path, "--tls-key-file", key, code=2)


def test_files_that_cannot_be_used_are_named_with_what_to_do(tmp_path, files):
    certificate, key = files
    other = tmp_path / "other.pem"

    def said(certificate, key):
        return refused(tmp_path, "--tls-cert-file", certificate, "--tls-key-file", key)

    assert f"{other} cannot be read: no such file or directory (check the path" in said(other, key)
    assert f"{tmp_path} cannot be read: is a directory" in said(certificate, tmp_path)
    other.write_text("nonsense")
    assert "they are no certificate and key in PEM form" in said(other, key)
    assert "they are no certificate and key in PEM form" in said(certificate, other)
    write_certificate(trustme.CA(), tmp_path / "second.pem", other)
    assert f"the key in {other} does not belong to it" in said(certificate, other)
    argv = ["openssl", "pkey", "-in", key, "-aes128", "-passout", "pass:secret", "-out", other]
    subprocess.run(argv, check=True, capture_output=True)
    assert f"the key {other} is locked with a password (write it without" in said(certificate, other)
