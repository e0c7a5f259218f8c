"""Where requests go and what goes along: a key of ours never reaches anybody else."""

from __future__ import annotations

import pytest

from swaplab_core.adapters.destination import peer_destination, upstream_destination
from swaplab_core.config.schema import Peer, PeerTimeouts, Timeouts

CREDENTIALS = {"authorization", "x-api-key", "api-key", "cookie"}


def peer(**more):
    return Peer(proxy="https://peer.example/api/", models=("m",), **more)


def test_a_model_of_ours_gets_everything_and_its_own_limits():
    found = upstream_destination("m", "http://127.0.0.1:5800", Timeouts(connect_seconds=3, response_header_seconds=4))

    assert found.is_ours
    assert (found.drop, found.set) == (frozenset(), ())
    assert (found.connect_seconds, found.response_header_seconds) == (3, 4)


@pytest.mark.parametrize("keys_are_ours", [True, False])
def test_a_peer_with_a_key_gets_that_one_and_nothing_of_the_clients(keys_are_ours):
    found = peer_destination("lab", peer(api_key="theirs"), keys_are_ours=keys_are_ours)

    assert found.drop >= CREDENTIALS
    assert dict(found.set) == {"Authorization": "Bearer theirs", "x-api-key": "theirs"}


def test_a_peer_without_a_key_gets_the_clients_only_while_we_ask_for_none():
    assert peer_destination("lab", peer(), keys_are_ours=True).drop >= CREDENTIALS
    open_to_all = peer_destination("lab", peer(), keys_are_ours=False)
    assert (open_to_all.drop, open_to_all.set) == (frozenset(), ())


def test_a_peer_is_named_as_one_and_its_address_has_no_trailing_slash():
    found = peer_destination("lab", peer(timeouts=PeerTimeouts(connect_seconds=2)), keys_are_ours=False)

    assert (found.name, found.base_url, found.is_ours) == ("peer lab", "https://peer.example/api", False)
    assert (found.connect_seconds, found.response_header_seconds) == (2, 60)
