"""The histories of all logs. Upstream's log tests: history, immutability, time format, wrap, boundary, lazy."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.config.schema import Config
from swaplab_core.domain.events import Logged
from swaplab_core.domain.ids import ModelId
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.logbook import PRINTED, PROXY, STDOUT, UPSTREAM, History, LogBook, level_of
from swaplab_core.runtime.proxy_log import ProxyLog, time_stamper

M = "model:m"


@define
class Book:
    """A log book and what it has printed."""

    printed: list[bytes] = field(factory=list)
    bus: Bus = field(factory=Bus)

    def of(self, what: str = "proxy") -> LogBook:
        return LogBook(self.bus, self.printed.append, PRINTED[what])


def history(*chunks: bytes, limit_bytes: int = 100) -> History:
    made = History("proxy", limit_bytes)
    for now, chunk in enumerate(chunks):
        made.feed(chunk, float(now))
    return made


# what is kept


def test_history_is_what_was_written_in_order():
    assert history(b"one\n", b"two\n").content() == b"one\ntwo\n"


def test_immutability_of_what_was_read():
    log, data = history(b"one\n"), bytearray(b"two\n")
    before = log.content()
    log.feed(bytes(data), 1.0)
    data[:] = b"xxx\n"

    assert before == b"one\n"
    assert log.content() == b"one\ntwo\n"


def test_nothing_is_kept_of_a_source_that_never_wrote():
    log = history()

    assert (log.content(), log.lines(), len(log._chunks)) == (b"", [], 0)


def test_wrap_forgets_the_oldest_bytes():
    assert history(b"abc", b"def", b"gh", limit_bytes=4).content() == b"efgh"
    assert history(b"abcdefgh", limit_bytes=4).content() == b"efgh"


def test_boundary_keeps_exactly_the_limit():
    assert history(b"ab", b"cd", limit_bytes=4).content() == b"abcd"
    assert history(b"abcd", limit_bytes=4).content() == b"abcd"
    assert history(b"abcd", b"e", limit_bytes=4).content() == b"bcde"


@given(st.lists(st.binary(max_size=30), max_size=30), st.integers(1, 50))
def test_what_is_kept_is_the_end_of_all_and_bounded(chunks, limit_bytes):
    log = history(*chunks, limit_bytes=limit_bytes)

    assert log.content() == b"".join(chunks)[-limit_bytes:]
    assert log.written == sum(map(len, chunks))
    assert sum(len(data) for _, _, data in log._chunks) <= 2 * limit_bytes


# lines


def test_lines_have_numbers_that_do_not_change_and_pages_go_backwards():
    log = history(b"one\ntwo\n", b"\nthree\n", limit_bytes=1000)
    found = [(line.number, line.text) for line in log.lines()]

    assert found == [(0, "one"), (4, "two"), (9, "three")]
    assert [line.text for line in log.lines(before=9, limit=1)] == ["two"]
    log.feed(b"four\n", 9.0)
    assert [(line.number, line.text) for line in log.lines()][:3] == found


def test_a_line_has_the_time_at_which_it_began():
    assert [(line.text, line.time) for line in history(b"a\nb", b"c\nd\n").lines()] == [
        ("a", 0.0),
        ("bc", 0.0),
        ("d", 1.0),
    ]


def test_a_line_after_a_carriage_return_replaces_the_one_before():
    found = history(b"load 1%\rload 2%\rdone\r\nnext\n").lines()

    assert [(line.text, line.replaces) for line in found] == [
        ("load 1%", False),
        ("load 2%", True),
        ("done", True),
        ("next", False),
    ]


@pytest.mark.parametrize("since", [0, 5])
def test_a_carriage_return_at_the_begin_of_a_line_replaces_nothing(since):
    found = history(b"word\n\r\r1%\r\r2%\r\n").page(since=since).lines

    assert [(line.text, line.replaces) for line in found if line.text != "word"] == [("1%", False), ("2%", True)]


def test_colours_are_kept_beside_the_text_and_nothing_else_of_a_terminal_is():
    (line,) = history(b"\x1b[2K\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\x1b[1A\n").lines()

    assert (line.text, line.coloured) == ("red link", "\x1b[1;31mred\x1b[0m link")
    assert history(b"plain\n").lines()[0].coloured == ""


def test_a_page_is_the_end_of_what_was_asked_for_and_says_what_it_covers():
    log = history(b"one\ntwo\n", b"three\r", b"four\r\nfive", limit_bytes=1000)

    def texts(**wanted):
        page = log.page(**wanted)
        return [line.text for line in page.lines], page.begin, page.end

    assert texts() == (["one", "two", "three", "four", "five"], 0, 24)
    assert texts(since=4) == (["two", "three", "four", "five"], 4, 24)
    assert texts(since=14) == (["four", "five"], 14, 24)
    assert log.page(since=14).lines[0].replaces, "what stood before it is known"
    assert texts(since=4, limit=2) == (["four", "five"], 14, 24)
    assert texts(before=8, limit=1) == (["two"], 4, 8)
    assert texts(since=24) == ([], 24, 24)
    assert texts(since=99) == ([], 24, 24)


def test_a_page_of_what_is_forgotten_begins_later_than_asked():
    log = history(b"one\ntwo\n", b"three\n", limit_bytes=6)

    assert (log.page(since=4).begin, [line.text for line in log.page(since=4).lines]) == (8, ["three"])


@given(st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b"\n\n\n"]), max_size=60), st.integers(1, 9))
def test_pages_going_backwards_are_all_lines(pieces, limit):
    log = history(*pieces, limit_bytes=10_000)
    everything = log.lines(limit=10_000)

    pages, before = [], None
    while page := log.lines(before=before, limit=limit):
        pages[:0] = page
        before = page[0].number

    assert pages == everything


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[INFO] serving", "info"),
        ("2026-01-31 [WARNING] x", "warn"),
        ("ERROR: no CUDA", "error"),
        ("llama W load: slow", "warn"),
        ("debug is no level here", ""),
        ("nothing", ""),
        ("x" * 200 + " ERROR", ""),
    ],
)
def test_a_line_may_name_its_level(text, level):
    assert level_of(text) == level


# who writes where


def test_a_models_output_is_kept_apart_and_with_all_models_and_the_proxys_alone():
    book = Book().of()
    book.feed(PROXY, b"p\n")
    book.heard(ModelId("m"), b"m\n")
    book.heard(ModelId("n"), b"n\n")

    kept = {source: book.history(source).content() for source in (PROXY, M, "model:n", UPSTREAM)}
    assert kept == {PROXY: b"p\n", M: b"m\n", "model:n": b"n\n", UPSTREAM: b"m\nn\n"}


@pytest.mark.parametrize(
    ("what", "printed"),
    [("proxy", [b"p\n"]), ("upstream", [b"m\n"]), ("both", [b"p\n", b"m\n"]), ("none", [])],
)
def test_log_to_stdout_says_what_is_printed_and_all_is_kept(what, printed):
    world = Book()
    book = world.of(what)
    book.feed(PROXY, b"p\n")
    book.heard(ModelId("m"), b"m\n")

    assert world.printed == printed
    assert book.history(STDOUT).content() == b"".join(printed)
    assert (book.history(PROXY).content(), book.history(UPSTREAM).content()) == (b"p\n", b"m\n")


def test_followers_hear_of_each_chunk_and_know_whether_it_is_theirs():
    world = Book()
    book = world.of("upstream")
    with world.bus.subscribe(Logged) as follower:
        book.feed(PROXY, b"p")
        book.heard(ModelId("m"), b"m")
        heard = [numbered.event for numbered in follower.take()]

    assert heard == [Logged(PROXY, b"p"), Logged(M, b"m")]
    wanted = {source: [book.belongs_to(event, source) for event in heard] for source in (PROXY, UPSTREAM, M, "model:n")}
    assert wanted == {PROXY: [True, False], UPSTREAM: [False, True], M: [False, True], "model:n": [False, False]}
    assert [book.belongs_to(event, STDOUT) for event in heard] == [False, True]


# the proxy's own lines

MOMENT = datetime(2026, 1, 2, 15, 4, 5, 123456, timezone(timedelta(hours=-7), "MST"))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("ansic", "Fri Jan  2 15:04:05 2026"),
        ("unixdate", "Fri Jan  2 15:04:05 MST 2026"),
        ("rubydate", "Fri Jan 02 15:04:05 -0700 2026"),
        ("rfc822", "02 Jan 26 15:04 MST"),
        ("rfc822z", "02 Jan 26 15:04 -0700"),
        ("rfc850", "Friday, 02-Jan-26 15:04:05 MST"),
        ("rfc1123", "Fri, 02 Jan 2026 15:04:05 MST"),
        ("rfc1123z", "Fri, 02 Jan 2026 15:04:05 -0700"),
        ("rfc3339", "2026-01-02T15:04:05-07:00"),
        ("RFC3339Nano", "2026-01-02T15:04:05.123456-07:00"),
        ("kitchen", "3:04PM"),
        ("stamp", "Jan  2 15:04:05"),
        ("stampmilli", "Jan  2 15:04:05.123"),
        ("stampmicro", "Jan  2 15:04:05.123456"),
        ("stampnano", "Jan  2 15:04:05.123456000"),
        ("", ""),
        ("iso", ""),
    ],
)
def test_time_formats_are_those_of_go(name, written):
    assert time_stamper(name)(MOMENT) == written


def test_a_record_is_a_line_with_its_level_and_the_time_if_one_is_asked_for():
    world = Book()
    log = ProxyLog(world.of())
    record = logging.LogRecord("x", logging.WARNING, "", 0, "%s is %s", ("fan", "loud"), None)
    record.created = datetime(2026, 1, 2, 12, tzinfo=UTC).timestamp()
    log.emit(record)
    level = logging.getLogger().level
    try:
        log.use(Config(log_time_format="stamp"))
        log.emit(record)
    finally:
        logging.getLogger().setLevel(level)

    plain, stamped = world.printed
    assert plain == b"[WARNING] fan is loud\n"
    assert stamped.endswith(b" [WARNING] fan is loud\n")
    assert stamped.startswith(b"Jan  ")
