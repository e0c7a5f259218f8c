"""Parameters of the activity routes. Names of the conformance list: activity filters; invalid filters."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from multidict import MultiDict

from swaplab_core.domain.activity import ActivityFilter, ActivityQuery, SortKey
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.server.api.activity_query import MAX_NUMBER, read_id, read_query


def query(*pairs):
    return read_query(MultiDict(pairs))


def where(*pairs):
    return query(*pairs).where


def test_without_parameters_the_newest_25_rows_are_meant():
    assert query() == ActivityQuery(ActivityFilter(), SortKey.ID, ascending=False, page=1, limit=25)


def test_empty_parameters_are_no_parameters():
    names = ("model", "start", "end", "min_id", "max_id", "status", "session", "text", "sort", "order", "page", "limit")
    assert query(*((name, "") for name in names)) == query()


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("model", "a")], {"models": ("a",)}),
        ([("model", "a"), ("model", "b/c:Q4")], {"models": ("a", "b/c:Q4")}),
        ([("model", " "), ("model", "a")], {"models": ("a",)}),
        ([("start", "2026-08-22T10:00:00Z")], {"start": 1787392800}),
        ([("end", "2026-08-22T12:00:00+02:00")], {"end": 1787392800}),
        ([("start", "2026-08-22T10:00:00.999999999Z")], {"start": 1787392800}),
        ([("start", "1970-01-01T00:00:00Z"), ("end", "1970-01-01T00:00:00Z")], {"start": 0, "end": 0}),
        ([("min_id", "3"), ("max_id", "3")], {"min_id": 3, "max_id": 3}),
        ([("status", "4xx"), ("status", "200"), ("status", "5XX")], {"statuses": ((400, 499), (200, 200), (500, 599))}),
        ([("session", "s 1")], {"session": "s 1"}),
        ([("text", "50%_\\")], {"text": "50%_\\"}),
        ([("id", "3"), ("id", ""), ("id", "8")], {"ids": (3, 8)}),
        ([("id", "")], {}),
        ([("other", "x")], {}),
    ],
)
def test_activity_filters(pairs, expected):
    assert where(*pairs) == ActivityFilter(**expected)


@pytest.mark.parametrize("key", SortKey)
def test_every_sort_key_can_be_named(key):
    assert query(("sort", key.value), ("order", "asc")) == ActivityQuery(sort=key, ascending=True)


@pytest.mark.parametrize(("page", "limit"), [("1", "1"), ("7", "999"), ("1000000000", "25")])
def test_pages(page, limit):
    found = query(("page", page), ("limit", limit))
    assert (found.page, found.limit) == (int(page), int(limit))


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ([("start", "yesterday")], "start: 'yesterday' is not a time like 2026-08-22T10:00:00Z"),
        ([("end", "2026-08-22T10:00:00")], "end: '2026-08-22T10:00:00' is not a time"),
        ([("end", "2026-08-22T10:00:00 02:00")], "%2B"),
        ([("start", "2026-08-22T10:00:01Z"), ("end", "2026-08-22T10:00:00Z")], "start must not be later than end"),
        ([("min_id", "0")], "min_id: '0' is not a whole number from 1"),
        ([("max_id", "-1")], "max_id"),
        ([("max_id", "x")], "max_id"),
        ([("min_id", "5"), ("max_id", "4")], "min_id must not be larger than max_id"),
        ([("min_id", str(2**63))], "min_id"),
        ([("limit", "0")], "limit: '0' is not a whole number from 1 to 999"),
        ([("limit", "1000")], "limit"),
        ([("limit", "1_0")], "limit"),
        ([("limit", "\uff11")], "limit"),
        ([("limit", "2.5")], "limit"),
        ([("page", "0")], "page"),
        ([("page", "9" * 5000)], "page"),
        ([("sort", "id; DROP TABLE activity")], "sort: 'id; DROP TABLE activity' is not one of id, time, model"),
        ([("order", "up")], "order: 'up' is not asc or desc"),
        ([("status", "6xx")], "status: '6xx' is not a status code like 404, or a class like 4xx"),
        ([("status", "40")], "status"),
        ([("status", "4xx"), ("status", "x")], "status"),
        ([("text", "x" * 501)], "text"),
        ([("id", "1"), ("id", "one")], "id: 'one' is not a whole number from 1"),
    ],
)
def test_invalid_filters(pairs, told):
    with pytest.raises(InvalidRequest) as error:
        query(*pairs)
    assert told in str(error.value)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "1.0", " 1", str(MAX_NUMBER + 1), "9" * 400])
def test_bad_ids_are_refused(text):
    with pytest.raises(InvalidRequest):
        read_id(text)


NAMES = ["model", "start", "end", "min_id", "max_id", "status", "session", "text", "sort", "order", "page", "limit"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text(max_size=30)), max_size=5))
def test_nothing_else_is_ever_raised(pairs):
    with contextlib.suppress(InvalidRequest):
        query(*pairs)


@settings(max_examples=50)  # drawing a time zone is slow
@given(st.datetimes(timezones=st.timezones()))
def test_every_time_is_understood(moment):
    assume(moment.utcoffset().total_seconds() % 60 == 0)  # RFC 3339 has no seconds there
    assert where(("start", moment.isoformat())).start == moment.replace(microsecond=0).timestamp()
