"""The scanner's quick ways find what one finds who looks at every event alone."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.runtime.scanning import FIRST_EVENTS, LAST_EVENTS, EventScanner, parsed

BEGINNINGS = (
    b'data: {"choices":[{"delta":{"content":"',
    b'data: {"choices":[{"delta":{"reasoning_content":"',
    b'data: {"usage":{"prompt_tokens":4},"choices":[{"delta":{"content":"',
    b'data: {"role":"',
    b'event: {"content":"',
)
TEXTS = (b"", b"a", b"two words", b'a \\"usage\\": {', b"\\\\", b'"', b'","usage":{"x":1},"y":"', b"\xc3\xb6" * 9)
ENDS = (
    b'"}}]}',
    b'"}}],"id":"x"}',
    b'"}}],"usage":null}',
    b'"}}],"usage":{"completion_tokens":1}}',
    b'"}}],"usage" : {"completion_tokens":2}}',
    b'"}}],"timings":{"predicted_n":3}}',
    b"",
)
EVENTS = st.builds(
    lambda *parts: b"".join(parts), st.sampled_from(BEGINNINGS), st.sampled_from(TEXTS), st.sampled_from(ENDS)
)
TELLING = re.compile(rb'"(?:usage|timings|metrics|error)"\s*:\s*\{')
SAID = re.compile(rb'"(?:content|reasoning_content)"\s*:\s*"(?!")')


@given(st.lists(st.tuples(EVENTS, st.integers(1, 4)), max_size=8), st.data())
def test_every_event_counts_as_if_it_were_looked_at_alone(runs, data):
    events = [event for event, times in runs for _ in range(times)]
    text = b"".join(event + b"\n\n" for event in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    scanner = EventScanner()
    said = sum(scanner.feed(text[a:b]) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)) + scanner.end()

    heard = [event for event in events if event.startswith(b"data:")]
    assert said == sum(SAID.search(event) is not None for event in heard)
    telling = [message for event in heard if TELLING.search(event) for message in [event[5:]]]
    kept = [*telling[:FIRST_EVENTS], *telling[FIRST_EVENTS:][-LAST_EVENTS:]]
    assert list(scanner.messages()) == [found for message in kept for found in parsed(message)]


@given(st.lists(st.tuples(EVENTS, st.integers(1, 4)), max_size=8), st.lists(EVENTS, min_size=2, max_size=6))
def test_what_is_said_to_be_usual_says_one_thing_each_and_tells_nothing(runs, chunks):
    scanner = EventScanner()
    for event, times in runs:
        scanner.feed((event + b"\n\n") * times)
    told = list(scanner.messages())
    framed = [chunk + b"\n\n" for chunk in chunks]
    usual = scanner.are_usual(framed)
    assert not usual or [scanner.feed(chunk) for chunk in framed] == [1] * len(chunks)
    assert not usual or list(scanner.messages()) == told


@given(st.sampled_from(BEGINNINGS[:2]), st.lists(st.sampled_from((b"a", b"two words")), min_size=2))
def test_events_that_differ_in_a_plain_text_only_are_usual(beginning, texts):
    first, *others = [beginning + text + ENDS[0] + b"\n\n" for text in texts]
    scanner = EventScanner()
    scanner.feed(first)
    assert scanner.are_usual(others)
    assert scanner.feed(b"".join(others)) == len(others)
