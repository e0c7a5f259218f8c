"""What suites found, and how far they are."""

from __future__ import annotations

import pytest

from swaplab_benchy.scores import Score, read_scores, run_folder, suite_progress
from swaplab_core.plugin import PluginFailed, Progress


def suite(**more):
    return {"plugin": "gsm8k", "success": True, "tasks": [], "error": None, **more}


def test_a_task_keeps_its_value_and_standard_error():
    raw = {"exact_match,strict-match": 0.4, "exact_match_stderr,strict-match": 0.05}
    task = {"name": "gsm8k", "metric": "exact_match,strict-match", "value": 0.4, "duration_seconds": 9, "raw": raw}
    assert read_scores({"plugins": [suite(tasks=[task])]}) == (
        Score("gsm8k", "gsm8k", "exact_match,strict-match", 0.4, 0.05, 9.0),
    )


def test_a_count_of_questions_is_no_score():
    raw = {"alias": "gsm8k", "sample_len": 50, "acc_stderr,none": 0.1, "acc,none": 0.7}
    task = {"name": "gsm8k", "metric": "sample_len", "value": 50.0, "raw": raw}
    [score] = read_scores({"plugins": [suite(tasks=[task])]})
    assert (score.metric, score.value, score.error) == ("acc,none", 0.7, 0.1)


def test_a_suite_that_failed_says_why():
    [score] = read_scores({"plugins": [suite(success=False, error="lm_eval is not installed.")]})
    assert (score.value, score.failure) == (None, "lm_eval is not installed.")


@pytest.mark.parametrize("manifest", [{}, {"plugins": 3}, {"plugins": [{}]}, {"plugins": [suite(tasks=[{}])]}])
def test_an_unknown_shape_is_said(manifest):
    with pytest.raises(PluginFailed, match="unknown shape"):
        read_scores(manifest)


def test_the_runner_says_where_it_writes_and_how_far_it_is():
    assert run_folder("x\nIntelligence run directory: /out/1_m\ny") == "/out/1_m"
    assert run_folder("nothing") == ""
    assert suite_progress("[intelligence] Starting plugin arc-c (2/4)...") == Progress("arc-c (2 of 4)", 0.25)
    assert suite_progress("[gsm8k] …") is None
