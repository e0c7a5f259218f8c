"""What is free, by the configuration and the address."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from swaplab_core.config.schema import ApiKey, Config
from swaplab_core.domain.access import Policy, Role, without_sessions
from swaplab_core.server.security.access import Access

OPEN = {Policy.OPEN}
ALL = {Policy.OPEN, Policy.INFER, Policy.READ, Policy.OPERATE}


@pytest.mark.parametrize(
    ("keys", "exposed", "insecure", "free"),
    [
        ((), False, False, ALL),
        ((), True, True, ALL),
        ((), True, False, OPEN),  # the keys were taken out of the file while it ran
        (("k",), False, False, OPEN),
        (("k",), True, True, OPEN),
        ((ApiKey("k", admin=True),), False, False, OPEN),
    ],
)
def test_what_needs_no_key(keys, exposed, insecure, free):
    access = Access.of(Config(api_keys=keys), "token", is_exposed=exposed, is_insecure=insecure)

    assert access.rules.free == free


def test_another_configuration_is_followed_at_once():
    access = Access.of(Config(), "token")
    key = CIMultiDict({"x-api-key": "k"})
    assert access.role(access.identify(key)) is Role.USER, "as everybody"

    access.use(Config(api_keys=(ApiKey("k", admin=True),), allowed_hosts=("new.example",)))

    assert access.identify(key).role is Role.ADMIN
    assert access.role(access.identify(CIMultiDict())) is Role.NOBODY
    assert access.rules.knows_host("new.example:80")


def test_the_token_is_never_shown():
    access = Access.of(Config(), "the-token")
    assert "the-token" not in repr(access)
    assert access.identify(access.own_headers()).role is Role.ADMIN


def test_daemons_with_other_tokens_have_other_cookies():
    one, same, other = (Access.of(Config(), token).cookie_name for token in ("a", "a", "b"))

    assert one == same != other


@pytest.mark.parametrize(
    ("cookies", "kept"),
    [
        ("", ""),
        ("a=1", "a=1"),
        ("swaplab_session_x=1", ""),
        ("a=1; swaplab_session_0123=x.y; b=2;swaplab_session=z", "a=1; b=2"),
        ("not_swaplab_session=1", "not_swaplab_session=1"),
    ],
)
def test_sessions_are_left_out_of_what_goes_on(cookies, kept):
    assert without_sessions(cookies) == kept
