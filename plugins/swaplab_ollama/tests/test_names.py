"""Names with and without the default tag."""

from __future__ import annotations

import pytest

from swaplab_ollama.names import candidates


@pytest.mark.parametrize(
    ("name", "other"), [("a", "a:latest"), ("a:latest", "a"), ("a:8b", "a:8b:latest"), ("a:latest:latest", "a:latest")]
)
def test_a_name_is_tried_as_written_then_the_other_way(name, other):
    assert candidates(name) == (name, other)
