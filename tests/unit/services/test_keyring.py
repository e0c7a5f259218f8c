"""Which secret gives which role."""

from __future__ import annotations

import hmac

import pytest

from swaplab_core.config.schema import ApiKey
from swaplab_core.domain.access import Policy, Role
from swaplab_core.services.access import keyring
from swaplab_core.services.access.keyring import Keyring

KEYS = ("one", ApiKey("two"), ApiKey("boss", admin=True), "schlüssel")
RING = Keyring.of(KEYS, "the token", b"pepper")


def role_of(secret: str, ring: Keyring = RING) -> Role:
    return ring.role(ring.fingerprint(secret))


@pytest.mark.parametrize("key", ["one", "two", "schlüssel"])
def test_a_key_makes_a_user(key):
    assert role_of(key) is Role.USER


@pytest.mark.parametrize("key", ["boss", "the token"])
def test_a_key_marked_admin_and_the_token_make_the_administrator(key):
    assert role_of(key) is Role.ADMIN


@pytest.mark.parametrize("key", ["", "on", "onee", "ONE", "one ", "two,one", "schl\udcfcssel", "\0one", "the", "token"])
def test_nothing_else_opens_anything(key):
    assert role_of(key) is Role.NOBODY


def test_a_key_written_twice_may_the_more_of_both():
    assert role_of("k", Keyring.of(("k", ApiKey("k", admin=True)), "t", b"")) is Role.ADMIN


def test_only_keys_of_the_file_make_the_server_ask_for_one():
    assert RING.asks
    assert not Keyring.of((), "the token", b"pepper").asks


def test_every_key_is_compared_in_constant_time_even_after_a_match(monkeypatch):
    compared, compare = [], hmac.compare_digest

    def watched(one, other):
        compared.append(other)
        return compare(one, other)

    monkeypatch.setattr(keyring.hmac, "compare_digest", watched)

    role_of("boss")

    assert compared == [RING.fingerprint(key) for key in ("the token", "boss", "one", "two", "schlüssel")]


def test_no_secret_can_be_read_off_it():
    assert not any(secret in repr(RING) + repr(KEYS) for secret in ("two", "boss", "the token", "pepper"))


def test_fingerprints_differ_from_server_to_server():
    assert RING.fingerprint("one") != Keyring.of(KEYS, "the token", b"salt").fingerprint("one")


@pytest.mark.parametrize(
    ("role", "policies"),
    [
        (Role.NOBODY, {Policy.OPEN}),
        (Role.USER, {Policy.OPEN, Policy.INFER, Policy.READ, Policy.OPERATE}),
        (Role.ADMIN, set(Policy)),
    ],
)
def test_what_each_role_may(role, policies):
    assert {policy for policy in Policy if role.may(policy)} == policies
