"""Who is refused learns it before any byte of a stream, with the place in the queue and a time to try again."""

from __future__ import annotations

import math
import time

from running_swaplab import chat_body


def test_too_many_requests_is_decided_before_any_byte_with_the_time_that_a_load_still_takes(swaplab):
    began = time.monotonic()
    swaplab.ask("POST", "/api/models/load/narrow")
    load_seconds = time.monotonic() - began
    swaplab.ask("POST", "/api/models/unload/narrow")

    with swaplab.streaming("narrow") as first:
        assert first.status == 200
        streamed = swaplab.ask("POST", "/v1/chat/completions", json_body=chat_body("narrow", stream=True))
        whole = swaplab.chat("narrow")

    for answer in (streamed, whole):
        assert (answer.status, answer.error["code"]) == (429, "too-many-requests")
        assert answer.headers["X-Swaplab-Queue-Position"] == "2"
        assert 2 <= int(answer.headers["Retry-After"]) <= math.ceil(load_seconds), (
            "what is left of a load, by the one before"
        )


def test_whoever_is_refused_while_waiting_is_told_the_place_it_had(swaplab):
    with swaplab.waiting("never"), swaplab.waiting("never") as second:
        swaplab.ask("POST", "/api/models/unload/never")
        answer = second()

    assert (answer.status, answer.error["code"]) == (503, "model-unloaded")
    assert answer.headers["X-Swaplab-Queue-Position"] == "2"
    assert int(answer.headers["Retry-After"]) >= 1
