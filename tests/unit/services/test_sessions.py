"""Session cookies, and links that work once."""

from __future__ import annotations

import pytest

from swaplab_core.services.access.sessions import LINK_SECONDS, MOST_LINKS, SESSION_SECONDS, Links, Sessions

PRINT = bytes(range(32))


class Clock:
    """Shows what it is set to."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_knows_the_key_it_was_begun_with_until_it_ends():
    clock = Clock()
    sessions = Sessions(b"k" * 32, clock)
    cookie = sessions.begin(PRINT)

    assert sessions.fingerprint(cookie) == PRINT
    clock.now += SESSION_SECONDS - 1
    assert sessions.fingerprint(cookie) == PRINT
    clock.now += 1
    assert sessions.fingerprint(cookie) is None


def test_it_outlives_a_restart_but_not_a_change_of_the_signing_key():
    cookie = Sessions(b"k" * 32).begin(PRINT)

    assert Sessions(b"k" * 32).fingerprint(cookie) == PRINT
    assert Sessions(b"K" * 32).fingerprint(cookie) is None


def test_every_changed_character_spoils_it():
    sessions = Sessions(b"k" * 32)
    cookie = sessions.begin(PRINT)

    for place, character in enumerate(cookie):
        changed = cookie[:place] + ("1" if character != "1" else "2") + cookie[place + 1 :]
        assert sessions.fingerprint(changed) is None


@pytest.mark.parametrize("cookie", ["", ".", "...", "1.2.3.4", "ü", "\udcff", "x" * 10_000, "a.b"])
def test_what_is_none_of_ours_is_no_session(cookie):
    assert Sessions(b"k" * 32).fingerprint(cookie) is None


def test_ending_one_session_leaves_another_of_the_same_key():
    sessions = Sessions(b"k" * 32)
    one, other = sessions.begin(PRINT), sessions.begin(PRINT)

    sessions.end(one)

    assert sessions.fingerprint(one) is None
    assert sessions.fingerprint(other) == PRINT


def test_a_link_works_once():
    links = Links()
    once = links.make()

    assert [links.redeem(once), links.redeem(once), links.redeem(""), links.redeem("\udcff")] == [True, *[False] * 3]


def test_a_link_works_for_a_quarter_of_an_hour():
    clock = Clock()
    links = Links(clock)
    early, late = links.make(), links.make()

    clock.now += LINK_SECONDS - 1
    assert links.redeem(early)
    clock.now += 1
    assert not links.redeem(late)


def test_of_too_many_links_the_oldest_is_forgotten():
    links = Links()
    first, second = links.make(), links.make()
    for _ in range(MOST_LINKS - 1):
        links.make()

    assert not links.redeem(first)
    assert links.redeem(second)
