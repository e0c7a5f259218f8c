"""What an error response says. Names of the conformance list: error message paths; failed request status fallback."""

from __future__ import annotations

import orjson
import pytest

from swaplab_core.runtime.error_text import MAX_CHARACTERS, error_text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": {"message": "no such model", "type": "x"}, "message": "other"}, "no such model"),
        ({"error": "no such model"}, "no such model"),
        ({"message": "no such model"}, "no such model"),
        ({"detail": "no such model"}, "no such model"),
        ({"error": {"message": ""}, "message": "", "detail": "no such model"}, "no such model"),
        ({"error": {"code": 3}, "detail": [{"msg": "x"}]}, "404 Not Found"),
        ({"error": {"message": 5}}, "404 Not Found"),
        ([], "404 Not Found"),
    ],
)
def test_error_message_paths(body, text):
    assert error_text(404, orjson.dumps(body)) == text


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": "cut', b"\xff"])
def test_failed_request_status_fallback(body):
    assert error_text(502, body) == "502 Bad Gateway"


def test_a_status_that_nobody_knows_is_its_number():
    assert error_text(599, b"") == "599"


def test_a_long_message_is_cut():
    assert error_text(500, orjson.dumps({"error": "x" * 1000})) == "x" * MAX_CHARACTERS
