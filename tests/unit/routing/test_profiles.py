"""Profiles: at most one is active, and what it pins does not chain."""

from __future__ import annotations

import pytest

from swaplab_core.config.schema import Profile
from swaplab_core.routing.profiles import Pinned, Profiles

DAY = Profile(pins={"coder": "big", "big": "small", "off": None, "gone": ""})
NIGHT = Profile(pins={"coder": "tiny"})


@pytest.fixture
def profiles():
    return Profiles({"day": DAY, "night": NIGHT})


def test_none_is_active_at_first_and_nothing_is_pinned(profiles):
    assert profiles.active is None
    assert profiles.pin("coder") is None
    assert profiles.pins() == {}


def test_the_active_profile_pins_and_the_others_do_not(profiles):
    profiles.active = "night"
    assert profiles.pin("coder") == Pinned("tiny")
    assert profiles.pin("big") is None

    profiles.active = "day"
    assert profiles.pin("coder") == Pinned("big")


def test_a_pin_is_looked_up_once(profiles):
    profiles.active = "day"

    assert profiles.pin("coder").name == "big", "not what big is pinned to"


@pytest.mark.parametrize("name", ["off", "gone"])
def test_a_pin_to_nothing_is_not_the_same_as_no_pin(profiles, name):
    profiles.active = "day"

    assert not profiles.pin(name).name
    assert profiles.pin("unheard of") is None
