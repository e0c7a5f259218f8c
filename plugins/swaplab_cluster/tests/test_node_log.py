"""The system log of a machine: what the journal answers, asked again and again."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import orjson
import pytest

from swaplab_cluster import node_log
from swaplab_core.domain.errors import NodeError
from swaplab_core.plugin import Output


def line(number, message, **more):
    at = str(number * 1_000_000)
    return orjson.dumps({"__REALTIME_TIMESTAMP": at, "__CURSOR": f"s={number}", "MESSAGE": message, **more})


def test_entries_have_their_time_their_writer_and_their_level():
    output = b"\n".join(
        [
            line(1, "out of memory", SYSLOG_IDENTIFIER="kernel", PRIORITY="3"),
            line(2, [104, 105, 255]),
            line(3, "odd", PRIORITY="many"),
            b"-- No entries --",
            b"{}",
            b"[1]",
        ]
    )
    entries = [(each.at, each.text, each.level) for each in node_log.read(output)]
    assert entries == [(1.0, "kernel: out of memory", "error"), (2.0, "hi\ufffd", "info"), (3.0, "odd", "")]


def test_what_comes_is_asked_for_after_the_last_and_a_silent_machine_is_told_once(monkeypatch):
    monkeypatch.setattr(node_log, "PAUSE_SECONDS", 0.0)
    answers = iter(
        [
            Output(0, line(1, "one"), b""),
            NodeError("m1: no answer"),
            NodeError("m1: no answer"),
            Output(1, b"", b"journalctl: not allowed\n"),
            Output(0, line(2, "two"), b""),
        ]
    )
    asked = []

    async def look(argv):
        asked.append(argv[-1])
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def scenario():
        found = []
        async with aclosing(node_log.follow(look, "m1", lambda: 9.0)) as events:
            async for event in events:
                if event.startswith(b"event: line"):
                    found.append(orjson.loads(event.split(b"data: ")[1]))
                if len(found) == 4:
                    return found
        return found

    records = asyncio.run(scenario())
    assert [each["text"] for each in records] == ["one", "m1: no answer", "journalctl: not allowed", "two"]
    assert [each["seq"] for each in records] == [1, 2, 3, 4]
    assert {each["source"] for each in records} == {"node:m1"}
    assert asked == ["--lines=200", *["--after-cursor=s=1"] * 4]


@pytest.mark.parametrize("cursor", ["", "s=1;i=2"])
def test_the_journal_is_asked_without_a_shell_and_for_a_bounded_answer(cursor):
    argv = node_log.argv(cursor)
    assert argv[0] == "journalctl"
    assert "--lines=200" in argv
    assert (f"--after-cursor={cursor}" in argv) == bool(cursor)
