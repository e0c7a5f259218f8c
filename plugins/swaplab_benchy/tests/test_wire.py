"""What a job remembers is what the form reads, and what the fork's clients are told."""

from __future__ import annotations

from datetime import UTC

import pytest

from swaplab_benchy.form import RunForm, options_of
from swaplab_benchy.options import read_options
from swaplab_benchy.wire import options_document, run_document
from swaplab_core.plugin import Job, JobId, JobState
from swaplab_core.plugin.forms import read_form


def job(**given):
    return Job(JobId("1"), "benchy:run", "Benchmark", JobState.SCHEDULED, 1.0, target="opened-for", input=given)


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m"},
        {"queueModels": ["a", "b", "a"], "pp": [1], "tg": [2], "depth": [0], "concurrency": [2], "runs": 7},
        {"model": "m", "adaptPrompt": False, "trustRemoteCode": True, "noCache": True, "latencyMode": "api"},
        {
            "model": "m",
            "intelligencePlugins": ["gsm8k", "evalplus"],
            "allowCodeExec": True,
            "outputDir": "/o",
            "datasetCacheDir": "/d",
            "maxConcurrent": 4,
        },
    ],
)
def test_what_a_job_remembers_is_planned_again_as_it_was(body):
    options = read_options(body, now=0.0, zone=UTC)
    form, problems = read_form(RunForm, options_document(options))
    assert not problems
    assert options_of(form, "") == options


def test_a_start_that_is_over_begins_at_once_when_it_is_planned_again():
    assert options_of(RunForm(model="m", start_at="2001-01-01T00:00:00Z"), "").start_at == 978307200.0


def test_a_run_is_told_with_the_model_it_was_opened_for_and_without_what_is_unset():
    told = run_document(job(model="", pp=[8], noCache=False, adaptPrompt=None, trustRemoteCode=False, startAt="x"), "")
    assert (told["model"], told["pp"], told["trustRemoteCode"]) == ("opened-for", [8], False)
    assert told.keys().isdisjoint({"noCache", "adaptPrompt", "startAt", "queueModels"})


def test_a_queue_is_told_whole():
    told = run_document(job(model="a", queueModels=["b"]), "")
    assert (told["model"], told["queueModels"], told["queueCurrentModel"]) == ("a", ["a", "b"], "a")
