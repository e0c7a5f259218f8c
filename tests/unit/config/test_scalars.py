"""Plain scalars by YAML 1.2."""

from __future__ import annotations

import math

import pytest

from swaplab_core.config.scalars import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None),
        ("true", True), ("False", False),
        ("yes", "yes"), ("on", "on"), ("No", "No"), ("y", "y"),
        ("5", 5), ("-5", -5), ("+5", 5), ("007", 7), ("0o17", 15), ("0xFf", 255), ("0b1", "0b1"),
        ("1.5", 1.5), ("-.5", -0.5), ("1.", 1.0), ("1e3", 1000.0), (".inf", math.inf), ("-.Inf", -math.inf),
        ("12:30", "12:30"), ("1_000", "1_000"), ("2026-01-01", "2026-01-01"), ("1.2.3", "1.2.3"), ("-", "-"),
        ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_a_plain_scalar_means(text, value):
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_nan_is_a_number():
    assert math.isnan(resolve(".nan"))
