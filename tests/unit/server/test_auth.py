"""Which key a request presents, and whether it opens the door."""

from __future__ import annotations

import base64
import hmac

import pytest
from aiohttp.test_utils import make_mocked_request

from swaplab_core.server import auth
from swaplab_core.server.auth import is_accepted, presented_key


def basic(user_and_password):
    return "Basic " + base64.b64encode(user_and_password.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, ""),
        ({"Authorization": "Bearer k"}, "k"),
        ({"Authorization": "bEARER   k "}, "k"),
        ({"x-api-key": "k"}, "k"),
        ({"Authorization": basic("anybody:k")}, "k"),
        ({"Authorization": basic(":k").replace("Basic", "bAsIc")}, "k"),
        ({"Authorization": basic("anybody:k:with:colons")}, "k:with:colons"),
        ({"Authorization": "Bearer k", "x-api-key": "other"}, "k"),
        ({"Authorization": basic("anybody:k"), "x-api-key": "other"}, "k"),
        ({"Authorization": "Basic !!!", "x-api-key": "k"}, "k"),
        ({"Authorization": "Basic ü", "x-api-key": "k"}, "k"),
        ({"Authorization": basic("anybody")}, ""),
        ({"Authorization": basic("anybody:"), "x-api-key": "k"}, "k"),
        ({"Authorization": "Basic " + base64.b64encode(b"a:\xff").decode(), "x-api-key": "k"}, "k"),
        ({"Authorization": "Bearer", "x-api-key": "k"}, "k"),
        ({"Authorization": "Digest k", "x-api-key": "other"}, "other"),
        ({"Authorization": "k"}, ""),
        ({"Proxy-Authorization": "Bearer k", "Cookie": "key=k", "Api-Key": "k"}, ""),
    ],
)
def test_the_key_is_the_password_of_basic_else_the_bearer_token_else_x_api_key(headers, key):
    assert presented_key(make_mocked_request("GET", "/", headers=headers)) == key


@pytest.mark.parametrize("key", ["one", "two", "schlüssel"])
def test_each_of_the_keys_opens(key):
    assert is_accepted(key, ("one", "two", "schlüssel"))


@pytest.mark.parametrize("key", ["", "on", "onee", "ONE", "one ", "two,one", "schl\udcfcssel", "\0one"])
def test_nothing_else_does(key):
    assert not is_accepted(key, ("one", "two", "schlüssel"))


def test_every_key_is_compared_in_constant_time_even_after_a_match(monkeypatch):
    compared, compare = [], hmac.compare_digest

    def watched(one, other):
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr(auth.hmac, "compare_digest", watched)

    assert is_accepted("one", ("one", "two", "three"))
    assert compared == [(b"one", b"one"), (b"one", b"two"), (b"one", b"three")]
