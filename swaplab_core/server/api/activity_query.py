"""Reading the parameters of the activity routes: whatever is wrong is refused with the parameter's name. Pure."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from multidict import MultiMapping

from swaplab_core.domain.activity import MAX_PAGE_SIZE, ActivityFilter, ActivityQuery, GroupKey, Measure, SortKey
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.text import storable

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)

MAX_NUMBER = 2**53 - 1
"""The largest whole number that JavaScript tells from its neighbours, and far from what databases take."""
MAX_PAGE = 10**9
MAX_TEXT = 500

_STATUS_CLASS = re.compile(r"[1-5]xx", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

Parameters = MultiMapping[str]


def read_query(parameters: Parameters) -> ActivityQuery:
    """What one page shall hold. Raises InvalidRequest."""
    return ActivityQuery(
        where=read_filter(parameters),
        sort=read_sort(parameters),
        ascending=read_ascending(parameters),
        page=_optional(parameters, "page", lambda text: _whole(text, 1, MAX_PAGE)) or 1,
        limit=_optional(parameters, "limit", lambda text: _whole(text, 1, MAX_PAGE_SIZE)) or 25,
    )


def read_filter(parameters: Parameters) -> ActivityFilter:
    """Which rows are meant. Blank models are left out. Raises InvalidRequest."""
    where = ActivityFilter(
        models=tuple(model for model in parameters.getall("model", []) if model.strip()),
        start=_optional(parameters, "start", _time),
        end=_optional(parameters, "end", _time),
        min_id=_optional(parameters, "min_id", _identifier),
        max_id=_optional(parameters, "max_id", _identifier),
        statuses=tuple(_checked("status", _status, text) for text in parameters.getall("status", []) if text.strip()),
        session=_optional(parameters, "session", _text) or "",
        text=_optional(parameters, "text", _text) or "",
        client=_optional(parameters, "client", _text) or "",
        path=_optional(parameters, "path", _text) or "",
        min_ms=_optional(parameters, "min_ms", lambda text: _whole(text, 0, MAX_NUMBER)),
        captured=_optional(parameters, "captured", _flag) or False,
        ids=tuple(_checked("id", _identifier, text) for text in parameters.getall("id", []) if text.strip()) or None,
    )
    if where.start is not None and where.end is not None and where.start > where.end:
        raise InvalidRequest("start must not be later than end")
    if where.min_id is not None and where.max_id is not None and where.min_id > where.max_id:
        raise InvalidRequest("min_id must not be larger than max_id")
    return where


def read_sort(parameters: Parameters) -> SortKey:
    """What to sort by. Raises InvalidRequest."""
    return _optional(parameters, "sort", lambda text: _one_of(SortKey, text)) or SortKey.ID


def read_ascending(parameters: Parameters) -> bool:
    """Smallest first? Raises InvalidRequest."""
    return _optional(parameters, "order", _order) == "asc"


def read_group(parameters: Parameters) -> tuple[GroupKey, int]:
    """What to gather by, and how many groups at most. Raises InvalidRequest."""
    by = _optional(parameters, "by", lambda text: _one_of(GroupKey, text)) or GroupKey.SESSION
    return by, _optional(parameters, "limit", lambda text: _whole(text, 1, MAX_PAGE_SIZE)) or 100


def read_measure(parameters: Parameters) -> Measure:
    """Which time is meant. Raises InvalidRequest."""
    return _optional(parameters, "of", lambda text: _one_of(Measure, text)) or Measure.DURATION


def read_id(text: str) -> int:
    """A row's number in a path. Raises InvalidRequest."""
    return _checked("the id", _identifier, text)


def _optional(parameters: Parameters, name: str, read: Callable[[str], T]) -> T | None:
    """One parameter; None when it is absent or empty."""
    text = parameters.get(name, "").strip()
    return _checked(name, read, text) if text else None


def _checked(name: str, read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise InvalidRequest(f"{name}: {text[:100]!r} is not {error}") from None


def _whole(text: str, smallest: int, largest: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(largest)) and smallest <= int(text) <= largest:
        return int(text)
    raise ValueError(f"a whole number from {smallest} to {largest}")


def _identifier(text: str) -> int:
    return _whole(text, 1, MAX_NUMBER)


def _time(text: str) -> int:
    """Unix seconds; rows know no fractions, so a fraction is cut off."""
    wanted = "a time like 2026-08-22T10:00:00Z (a + in an address is written %2B)"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(wanted) from None
    if moment.tzinfo is None:
        raise ValueError(wanted)
    return (moment - _EPOCH) // _SECOND


def _status(text: str) -> tuple[int, int]:
    """`404` or `4xx`, as a range."""
    if _STATUS_CLASS.fullmatch(text):
        lowest = int(text[0]) * 100
        return lowest, lowest + 99
    if text.isascii() and text.isdigit() and len(text) == 3:
        return int(text), int(text)
    raise ValueError("a status code like 404, or a class like 4xx")


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise ValueError(f"a text of at most {MAX_TEXT} characters")
    return storable(text)


def _one_of(kind: type[E], text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"one of {', '.join(str(each.value) for each in kind)}") from None


def _flag(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("true or false")
    return text == "true"


def _order(text: str) -> str:
    if text not in {"asc", "desc"}:
        raise ValueError("asc or desc")
    return text
