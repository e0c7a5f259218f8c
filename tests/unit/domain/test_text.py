"""Text from outside, made fit to be kept."""

from __future__ import annotations

import sqlite3

import orjson
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.domain.text import storable


@given(st.text(st.characters()))
def test_what_is_storable_goes_into_json_and_a_database(text):
    kept = storable(text)
    assert "\0" not in kept
    assert orjson.loads(orjson.dumps(kept)) == kept
    with sqlite3.connect(":memory:") as connection:
        assert connection.execute("SELECT ?", (kept,)).fetchone() == (kept,)
    connection.close()


def test_what_is_storable_already_is_not_changed():
    assert storable("Grüße 🙂") == "Grüße 🙂"


def test_bytes_of_a_header_that_are_no_utf8_become_question_marks():
    assert storable(b"a\xffb".decode("utf-8", "surrogateescape")) == "a?b"
