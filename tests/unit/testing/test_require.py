from __future__ import annotations

import pytest

from swaplab_core.testing.require import VARIABLE, is_required, require

ADVICE = "install it"


def test_a_thing_that_is_there_is_returned(monkeypatch):
    monkeypatch.setenv(VARIABLE, "llamacpp")
    assert require("llamacpp", "/bin/thing", ADVICE) == "/bin/thing"


def test_a_missing_thing_skips_the_test(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="llamacpp is not here: install it"):
        require("llamacpp", None, ADVICE)


def test_a_missing_thing_fails_the_test_when_it_is_required(monkeypatch):
    monkeypatch.setenv(VARIABLE, "browser, llamacpp")
    with pytest.raises(pytest.fail.Exception, match="SWAPLAB_REQUIRE lists it: install it"):
        require("llamacpp", None, ADVICE)


def test_requiring_one_thing_requires_no_other(monkeypatch):
    monkeypatch.setenv(VARIABLE, "browser")
    assert is_required("browser")
    assert not is_required("ssh")
    assert not is_required("")
