"""The JSON of a run as the fork's clients know it, made of a job; and options as JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from swaplab_benchy.options import RunOptions
from swaplab_core.plugin import Job, JobState

LONGEST_OUTPUT = 2**20
STATES = {
    JobState.SCHEDULED: "scheduled",
    JobState.QUEUED: "scheduled",
    JobState.RUNNING: "running",
    JobState.SUCCEEDED: "done",
    JobState.FAILED: "error",
    JobState.CANCELLED: "canceled",
    JobState.INTERRUPTED: "error",
}
"""The fork knows no queue; `state` beside it says what is really the case."""

_THREE_STATES = frozenset({"adaptPrompt", "trustRemoteCode"})


def options_document(options: RunOptions) -> dict[str, Any]:
    """Options under the names of the form, what is unset left out: what a job remembers and is planned again from."""
    wanted = options.intelligence
    document: dict[str, Any] = {
        "model": options.models[0],
        "queueModels": list(options.models[1:]) or None,
        "tokenizer": options.tokenizer,
        "baseUrl": options.base_url,
        "pp": list(options.pp),
        "tg": list(options.tg),
        "depth": list(options.depth) or None,
        "concurrency": list(options.concurrency) or None,
        "runs": options.runs,
        "latencyMode": options.latency_mode.value or None,
        "noCache": options.no_cache or None,
        "noWarmup": options.no_warmup or None,
        "skipCoherence": options.skip_coherence or None,
        "exactTg": options.exact_tg or None,
        "adaptPrompt": options.adapt_prompt,
        "enablePrefixCaching": options.enable_prefix_caching or None,
        "trustRemoteCode": options.trust_remote_code,
        "corpus": options.corpus.value,
    }
    if wanted is not None:
        document |= {
            "enableIntelligence": True,
            "intelligencePlugins": list(wanted.plugins),
            "allowCodeExec": wanted.allow_code_exec or None,
            "datasetCacheDir": wanted.dataset_cache_dir or None,
            "outputDir": wanted.output_dir or None,
            "maxConcurrent": wanted.max_concurrent,
        }
    return {key: value for key, value in document.items() if value is not None}


def run_document(job: Job, output: str) -> dict[str, Any]:
    """One run. `output` is the job's log, stdout and stderr in the order in which they came."""
    models = [job.input.get("model") or job.target, *(job.input.get("queueModels") or ())]
    over = job.state.is_over
    document = {key: value for key, value in job.input.items() if _is_set(key, value)} | {
        "model": models[0],
        "id": job.id,
        "job": job.id,
        "status": STATES[job.state],
        "state": job.state.value,
        "startedAt": _moment(job.created),
        "scheduledAt": _moment(job.start_at),
        "finishedAt": _moment(job.ended),
        "exitCode": job.exit_code,
        "waitsFor": list(job.waits_for) or None,
        "stdout": output[-LONGEST_OUTPUT:] or None,
        "error": job.error or None,
        "progress": _progress(job),
        "results": list(job.result.values()) if over else None,
    }
    if len(models) > 1:
        document |= {"queueModels": models} | _queue(job, models)
    return {key: value for key, value in document.items() if value is not None}


def _is_set(key: str, value: object) -> bool:
    """Whether a form's value is more than its default; the start is the job's own."""
    return key != "startAt" and (value is False if key in _THREE_STATES and not value else bool(value))


def _queue(job: Job, models: list[str]) -> dict[str, Any]:
    at = min(job.step, len(models) - 1)
    done = len(models) if job.state is JobState.SUCCEEDED else at
    return {"queueCurrentIndex": at, "queueCurrentModel": models[at], "queueCompletedCount": done}


def _progress(job: Job) -> Mapping[str, Any] | None:
    if job.progress is None:
        return None
    return {"stage": job.progress.stage, "fraction": job.progress.fraction, "etaSeconds": job.eta_seconds}


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
