"""Tests against real things: skip when the thing is missing, unless the environment says it must be there.

`SWAPLAB_REQUIRE=browser,llamacpp,ssh` (a comma-separated list) turns the skip into a failure, so that a build that
is meant to test the real thing cannot quietly stop doing so.
"""

from __future__ import annotations

import os
from typing import NoReturn, TypeVar

import pytest

T = TypeVar("T")

VARIABLE = "SWAPLAB_REQUIRE"


def is_required(name: str) -> bool:
    """Does the environment insist on `name`?"""
    return name in {part.strip() for part in os.environ.get(VARIABLE, "").split(",")}


def require(name: str, thing: T | None, advice: str) -> T:
    """Return `thing` when it is there; otherwise skip the test, or fail it when `name` is required.

    `advice` says how to get the thing.
    """
    return missing(name, advice) if thing is None else thing


def missing(name: str, advice: str) -> NoReturn:
    """End the test because the real thing called `name` is not here."""
    if is_required(name):
        pytest.fail(f"{name} is not here, but {VARIABLE} lists it: {advice}", pytrace=False)
    pytest.skip(f"{name} is not here: {advice}")
