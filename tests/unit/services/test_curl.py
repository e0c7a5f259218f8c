"""A captured request as a command: a real shell must hand curl exactly what the client sent."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swaplab_core.domain.capture import Capture, Part
from swaplab_core.services.requests.curl import MAX_ARGUMENT_BYTES, as_curl

URL = "http://127.0.0.1:8080"
FAKE_CURL = """\
#!{python}
import json, sys
arguments = sys.argv[1:]
piped = sys.stdin.buffer.read() if arguments[-2:] == ["--data-binary", "@-"] else None
print(json.dumps([arguments, None if piped is None else list(piped)]))
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A folder with a curl that tells what it was given."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "curl"
    program.write_text(FAKE_CURL.format(python=sys.executable))
    program.chmod(0o700)
    return f"{folder}:/usr/bin:/bin"


def run(command: str, path: str) -> tuple[list[str], bytes | None]:
    done = subprocess.run(
        ["/bin/sh"], input=command.encode(), env={"PATH": path}, capture_output=True, timeout=120, check=True
    )
    arguments, piped = json.loads(done.stdout)
    return arguments, None if piped is None else bytes(piped)


def sent(capture: Capture, path: str) -> bytes:
    """The body that curl would send."""
    arguments, piped = run(as_curl(capture, URL), path)
    if piped is not None:
        return piped
    return arguments[arguments.index("--data-raw") + 1].encode() if "--data-raw" in arguments else b""


def test_the_whole_command_reads_well():
    headers = {"Content-Type": "application/json", "Authorization": "[REDACTED]", "Host": "x", "Content-Length": "9"}
    capture = Capture("POST", "/v1/chat/completions", headers, b'{"model": "it\'s"}')
    assert as_curl(capture, URL + "/") == (
        "curl \\\n"
        "  --globoff \\\n"
        "  --request POST \\\n"
        "  --url http://127.0.0.1:8080/v1/chat/completions \\\n"
        "  --header 'Content-Type: application/json' \\\n"
        "  --header 'Authorization: [REDACTED]' \\\n"
        """  --data-raw '{"model": "it'"'"'s"}'\n"""
    )


def test_a_shell_takes_it_apart_as_it_was_meant(path):
    capture = Capture("POST", "/v1/x?a=[1]&b='`$(id)`", {"X-Odd": "a 'b' $HOME `id`", "X-Empty": ""}, b"{}")
    arguments, _ = run(as_curl(capture, URL), path)
    assert arguments == [
        *("--globoff", "--request", "POST", "--url", URL + "/v1/x?a=[1]&b='`$(id)`"),
        *("--header", "X-Odd: a 'b' $HOME `id`", "--header", "X-Empty;", "--data-raw", "{}"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"plain",
        b"@/etc/passwd",
        b"-d",
        "ünïcode 🙂\n\ttabs\n".encode(),
        b"\x00\xff binary",
        b"\x1b]0;escape\x07",
        "right-to-left \u202e override".encode(),
        b"x" * (MAX_ARGUMENT_BYTES + 1),
        b"'" * MAX_ARGUMENT_BYTES,
        bytes(range(256)) * 1000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_every_body_arrives(body, path):
    assert sent(Capture("POST", "/x", req_body=body), path) == body


@settings(max_examples=30)
@given(body=st.one_of(st.text(max_size=60).map(str.encode), st.binary(max_size=60)))
def test_any_body_arrives(body, path):
    assert sent(Capture("POST", "/x", req_body=body), path) == body


def test_a_body_that_was_not_kept_is_mentioned(path):
    command = as_curl(Capture("POST", "/x", left_out=Part.REQUEST_BODY), URL)
    assert command.endswith("\n# the body of the request was not kept\n")
    assert run(command, path)[0][-1] == URL + "/x"
