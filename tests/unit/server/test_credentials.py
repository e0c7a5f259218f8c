"""Which keys a request presents."""

from __future__ import annotations

import base64

import pytest
from multidict import CIMultiDict

from swaplab_core.server.security.credentials import carried, presented_cookies, presented_keys


def basic(user_and_password):
    return "Basic " + base64.b64encode(user_and_password.encode()).decode()


@pytest.mark.parametrize(
    ("headers", "keys"),
    [
        ([], []),
        ([("Authorization", "Bearer k")], ["k"]),
        ([("authorization", "bEARER   k ")], ["k"]),
        ([("x-api-key", "k")], ["k"]),
        ([("API-KEY", "k")], ["k"]),
        ([("Authorization", basic("anybody:k"))], ["k"]),
        ([("Authorization", basic(":k").replace("Basic", "bAsIc"))], ["k"]),
        ([("Authorization", basic("anybody:k:with:colons"))], ["k:with:colons"]),
        ([("Authorization", "Bearer k"), ("x-api-key", "other")], ["k", "other"]),
        ([("Authorization", "Bearer k"), ("Authorization", "Bearer l")], ["k", "l"]),
        ([("Authorization", basic("anybody:k")), ("x-api-key", "k")], ["k", "k"]),
        ([("Authorization", "Basic !!!"), ("x-api-key", "k")], ["k"]),
        ([("Authorization", "Basic ü"), ("x-api-key", "k")], ["k"]),
        ([("Authorization", basic("anybody"))], []),
        ([("Authorization", basic("anybody:")), ("x-api-key", "k")], ["k"]),
        ([("Authorization", "Basic " + base64.b64encode(b"a:\xff").decode()), ("x-api-key", "k")], ["k"]),
        ([("Authorization", "Bearer"), ("x-api-key", "k")], ["k"]),
        ([("Authorization", "Digest k"), ("x-api-key", "other")], ["other"]),
        ([("Authorization", "k")], []),
        ([("Proxy-Authorization", "Bearer k"), ("Cookie", "key=k"), ("key", "k")], []),
    ],
)
def test_keys_come_by_basic_bearer_x_api_key_or_api_key(headers, keys):
    found = list(presented_keys(carried(CIMultiDict(headers))))

    assert [credential.secret for credential in found] == keys


def test_only_basic_is_sent_by_a_browser_on_its_own():
    headers = CIMultiDict([("Authorization", basic("me:a")), ("Authorization", "Bearer b"), ("x-api-key", "c")])

    assert [each.is_ambient for each in presented_keys(carried(headers))] == [True, False, False]


def test_every_cookie_of_the_name_is_found():
    headers = CIMultiDict([("Cookie", "a=1; b=2;a=3; c; a"), ("cookie", "A=4; a=5=6")])

    assert list(presented_cookies(headers, "a")) == ["1", "3", "5=6"]
