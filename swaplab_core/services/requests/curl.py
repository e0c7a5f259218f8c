"""A captured request as a command line for a POSIX shell. Pure."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator

from swaplab_core.domain.capture import Capture, Part

MAX_ARGUMENT_BYTES = 96 * 1024
"""Linux takes no argument larger than 128 KiB; a larger body goes through a pipe."""

_MADE_BY_CURL = frozenset(
    {"host", "content-length", "connection", "transfer-encoding", "accept-encoding", "keep-alive", "expect", "upgrade"}
)


def as_curl(capture: Capture, base_url: str) -> str:
    """The command that sends the request again to `base_url`. Redacted values stay what they are: fill them in.

    A body that a shell or a terminal would not take as it is comes base64-encoded through a pipe.
    """
    before, body_options = _body(capture.req_body)
    command = " \\\n  ".join(["curl", *_options(capture, base_url), *body_options])
    if Part.REQUEST_BODY in capture.left_out:
        command += "\n# the body of the request was not kept"
    return f"{before}{command}\n"


def _options(capture: Capture, base_url: str) -> Iterator[str]:
    yield "--globoff"  # brackets in the address mean themselves
    yield f"--request {shlex.quote(capture.method)}"
    yield f"--url {shlex.quote(base_url.rstrip('/') + capture.req_path)}"
    for name, value in capture.req_headers.items():
        if name.lower() not in _MADE_BY_CURL:
            yield f"--header {shlex.quote(_header(name, value))}"


def _header(name: str, value: str) -> str:
    return f"{name}: {value}" if value else f"{name};"  # curl's way to say that it is empty


def _body(body: bytes) -> tuple[str, list[str]]:
    """What stands before the command, and its options."""
    if not body:
        return "", []
    text = _plain_text(body)
    if text is None:
        return f"printf %s {shlex.quote(base64.b64encode(body).decode())} | base64 -d | ", ["--data-binary @-"]
    if len(body) > MAX_ARGUMENT_BYTES:
        return f"printf %s {shlex.quote(text)} | ", ["--data-binary @-"]
    return "", [f"--data-raw {shlex.quote(text)}"]


def _plain_text(body: bytes) -> str | None:
    """The body as text if it can be pasted into a terminal: no control characters but tabs and line ends."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character in "\t\n" for character in text) else None
