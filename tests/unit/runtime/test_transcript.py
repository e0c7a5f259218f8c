"""The log of a job: cut into lines, bounded, redraws thinned out."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.runtime.jobs.transcript import LineCutter, Transcript, read_records
from swaplab_core.testing.fake_job_files import FakeJobFiles
from swaplab_core.testing.fakes import ManualClock


def cut(*chunks):
    cutter = LineCutter()
    return [line for chunk in chunks for line in cutter.feed(chunk)] + list(cutter.end())


def test_lines_end_with_a_line_feed_a_return_or_both():
    assert cut(b"a\nb\r\nc\rd") == [("a", False), ("b", False), ("c", True), ("d", False)]


def test_a_return_at_the_end_of_a_chunk_waits_for_its_line_feed():
    assert cut(b"a\r", b"\nb\n") == [("a", False), ("b", False)]
    assert cut(b"a\r", b"b\n") == [("a", True), ("b", False)]


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"xyz"]), max_size=12), st.data())
def test_it_does_not_matter_how_the_output_is_cut_into_chunks(parts, data):
    whole = b"".join(parts)
    where = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    chunks = [whole[a:b] for a, b in zip([0, *where], [*where, len(whole)], strict=True)]
    assert cut(*chunks) == cut(whole)


class Written:
    def __init__(self, **more):
        self.clock, self.files = ManualClock(), FakeJobFiles()
        self.transcript = Transcript("j", self.files, self.clock, lambda _: None, **more)

    def records(self):
        self.transcript.close()
        return list(read_records(bytes(self.files.logs["j"]), 0))


def test_of_redraws_some_are_kept_and_always_the_last():
    async def scenario():
        written = Written()
        for percent in range(101):
            written.transcript.line(f"{percent} %", redrawn=True)
            await written.clock.advance(0.01)
        written.transcript.line("done")
        return written.records()

    records = asyncio.run(scenario())
    assert [record.text for record in records][-2:] == ["100 %", "done"]
    assert len(records) < 10
    assert [record.replaces for record in records] == [False] + [True] * (len(records) - 1)


def test_a_log_that_grows_too_large_keeps_its_beginning_and_its_end():
    async def scenario():
        written = Written(limit_bytes=100_000)
        for number in range(10_000):
            written.transcript.line(f"line number {number}")
        return written.records()

    texts = [record.text for record in asyncio.run(scenario())]
    assert texts[0] == "line number 0"
    assert texts[-1] == "line number 9999"
    assert any("lines left out" in text for text in texts)
    assert sum(len(text) for text in texts) < 200_000


def test_a_line_without_end_is_cut():
    lines = cut(b"x" * 100_000)
    assert max(len(text) for text, _ in lines) <= 8192


def test_records_are_found_again_by_their_offsets():
    async def scenario():
        written = Written()
        for text in ("one", "tab\there", "", "☃"):
            written.transcript.line(text)
        return written.records(), bytes(written.files.logs["j"])

    records, data = asyncio.run(scenario())
    assert [record.text for record in records] == ["one", "tab\there", "", "☃"]
    for record in records:
        assert next(read_records(data[record.offset :], record.offset)) == record
