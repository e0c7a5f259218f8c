from __future__ import annotations

from types import SimpleNamespace

import pytest
from attrs import define

from swaplab_core.domain.access import Role
from swaplab_core.server.security import rate_limit
from swaplab_core.server.security.access import NOBODY, Identity
from swaplab_core.server.security.rate_limit import Buckets, RateLimit, client_of


@define
class Watch:
    time: float = 0.0

    def __call__(self):
        return self.time


@pytest.fixture
def watch():
    return Watch()


def test_a_burst_passes_and_then_one_at_a_time(watch):
    buckets = Buckets(RateLimit(60, burst=2), watch)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 1, 1]
    watch.time = 0.75
    assert buckets.take("a") == pytest.approx(0.25)
    watch.time = 1.0
    assert buckets.take("a") == 0
    assert buckets.take("b") == 0, "another client has a bucket of its own"


def test_a_full_bucket_is_not_filled_further(watch):
    buckets = Buckets(RateLimit(60, burst=2), watch)
    buckets.take("a")
    watch.time = 500.0
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 1]


def test_who_asks_nothing_is_forgotten_but_not_before_it_could_ask_again(watch):
    buckets = Buckets(RateLimit(60, burst=1, forget_seconds=30), watch)
    buckets.take("a")
    watch.time = 29.0
    buckets.take("b")
    assert len(buckets) == 2
    watch.time = 31.0
    buckets.take("c")
    assert len(buckets) == 2
    slow = Buckets(RateLimit(0.1, burst=1, forget_seconds=30), watch)
    slow.take("a")
    watch.time += 60.0
    assert slow.take("a") > 500


def test_many_clients_cannot_fill_the_memory(watch, monkeypatch):
    monkeypatch.setattr(rate_limit, "MOST_CLIENTS", 3)
    buckets = Buckets(RateLimit(60), watch)
    for number in range(10):
        buckets.take(f"client {number}")
    assert len(buckets) == 3


@pytest.mark.parametrize(
    ("peer", "forwarded", "identity", "client"),
    [
        ("192.0.2.1", "", NOBODY, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.9", NOBODY, "192.0.2.1"),
        ("127.0.0.1", "", NOBODY, "127.0.0.1"),
        ("127.0.0.1", "10.0.0.1, 192.0.2.7", NOBODY, "192.0.2.7"),
        ("::1", "192.0.2.7", NOBODY, "192.0.2.7"),
        ("192.0.2.1", "", Identity(Role.USER, b"\x01\x02"), "0102"),
        ("192.0.2.1", "", Identity(Role.NOBODY, b"\x01\x02"), "192.0.2.1"),
    ],
)
def test_a_client_is_its_key_or_its_address_and_never_what_it_says_of_itself(peer, forwarded, identity, client):
    request = SimpleNamespace(remote=peer, headers={"X-Forwarded-For": forwarded})
    assert client_of(request, identity) == client
