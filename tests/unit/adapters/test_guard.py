"""The guard's decisions, without processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swaplab_core.adapters.guard import UNKNOWN, doomed, note, note_mark, start_time

OURS, STRANGER, GONE, UNCHECKED = 100, 200, 300, 400
RUNNING = {OURS: "11", STRANGER: "99", UNCHECKED: "44"}
"""Start times of the processes that now have these pids."""


def _noted(*lines: str) -> dict[int, str]:
    groups: dict[int, str] = {}
    for line in lines:
        note(groups, line)
    return groups


def test_a_group_is_listed_from_its_start_to_its_end() -> None:
    assert _noted("+100 11\n", "+200 22\n", "-100\n") == {200: "22"}


def test_a_group_that_comes_again_has_its_new_start_time() -> None:
    assert _noted("+100 11\n", "-100\n", "+100 12\n") == {100: "12"}


@pytest.mark.parametrize("line", ["", "\n", "+", "+100", "-", "+100 11 12", "100 11", "?"])
def test_a_line_that_was_cut_off_changes_nothing(line: str) -> None:
    assert _noted("+200 22\n", line) == {200: "22"}


def test_the_mark_of_a_command_counts_while_it_runs() -> None:
    marks: set[str] = set()
    for line in ("*run.a.1.\n", "*run.a.2.\n", "+100 11\n", "/run.a.1.\n", "/run.a.3.\n", "*", "/", "-100\n"):
        note_mark(marks, line)
    assert marks == {"run.a.2."}
    assert _noted("*run.a.1.\n", "/run.a.1.\n") == {}


def test_removing_an_unlisted_group_is_harmless() -> None:
    assert _noted("-100\n") == {}


def test_a_group_whose_leader_is_the_one_we_started_must_go() -> None:
    assert doomed({OURS: "11"}, RUNNING.get) == [OURS]


def test_a_number_that_now_belongs_to_a_stranger_is_spared() -> None:
    assert doomed({STRANGER: "22"}, RUNNING.get) == []


def test_members_without_their_leader_must_go() -> None:
    assert doomed({GONE: "33"}, RUNNING.get) == [GONE]


def test_without_start_times_every_listed_group_must_go() -> None:
    assert doomed({UNCHECKED: UNKNOWN, GONE: UNKNOWN}, RUNNING.get) == [UNCHECKED, GONE]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="start times are read from /proc")
def test_a_start_time_is_a_number_and_stays_the_same() -> None:
    started = start_time(os.getpid())
    assert started is not None
    assert int(started) > 0
    assert start_time(os.getpid()) == started


def test_nobody_has_no_start_time() -> None:
    assert start_time(2**31 - 1) is None
