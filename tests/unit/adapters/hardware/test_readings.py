"""Numbers and names out of what tools print."""

from __future__ import annotations

import pytest

from swaplab_core.adapters.hardware.readings import MIB, amount, number, positive, row, word

NOTHING = ["", " ", "[N/A]", "N/A", "[Not Supported]", "ERR!", "nan", "inf", "-inf", "12 W"]


@pytest.mark.parametrize(("text", "value"), [("7", 7), (" 7.5 ", 7.5), ("-3", -3), ("1e3", 1000), ("0", 0)])
def test_numbers_are_read(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_no_number_is_unknown(text):
    assert number(text) is amount(text) is positive(text) is None


def test_amounts_are_whole_bytes():
    assert (amount("3", MIB), amount("1.5", MIB), amount("0")) == (3 * MIB, 3 * MIB // 2, 0)


def test_there_is_no_negative_amount_and_no_limit_of_zero():
    assert amount("-1") is positive("0") is positive("-5") is None


@pytest.mark.parametrize("text", ["", "N/A", "[N/A]", "unknown", "None", "[Not Supported]"])
def test_placeholders_are_no_names(text):
    assert word(text) is None


def test_names_lose_the_blanks_around_them():
    assert word("  Radeon RX 7900 XTX ") == "Radeon RX 7900 XTX"


def test_a_row_may_have_quoted_fields():
    assert row('card0, "Navi 31, the big one" , 7') == ["card0", "Navi 31, the big one", "7"]


def test_no_line_is_no_row():
    assert row("") == []
