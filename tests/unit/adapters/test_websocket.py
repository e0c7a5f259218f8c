"""A websocket is told by its headers."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from swaplab_core.adapters.websocket import is_websocket


@pytest.mark.parametrize(
    ("headers", "asks"),
    [
        ([("Connection", "Upgrade"), ("Upgrade", "websocket")], True),
        ([("Connection", "keep-alive, UPGRADE"), ("Upgrade", "WebSocket")], True),
        ([("Connection", "keep-alive"), ("Connection", "upgrade"), ("Upgrade", " websocket ")], True),
        ([("Connection", "Upgrade"), ("Upgrade", "h2c")], False),
        ([("Connection", "keep-alive"), ("Upgrade", "websocket")], False),
        ([("Connection", "upgraded"), ("Upgrade", "websocket")], False),
        ([("Upgrade", "websocket")], False),
        ([("Connection", "Upgrade")], False),
        ([], False),
    ],
)
def test_both_headers_must_ask_for_it(headers, asks):
    from multidict import CIMultiDict

    assert is_websocket(make_mocked_request("GET", "/", CIMultiDict(headers))) is asks


def test_only_a_get_can_ask():
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"}

    assert not is_websocket(make_mocked_request("POST", "/", headers))
