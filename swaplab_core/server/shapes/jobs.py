"""Jobs, their logs, actions and plans as JSON."""

from __future__ import annotations

import shlex
from typing import Any

from swaplab_core.domain.job import Job
from swaplab_core.domain.plan import Plan, Step
from swaplab_core.runtime.jobs.transcript import LogRecord
from swaplab_core.runtime.logs import clean
from swaplab_core.services.plugins.actions import Offer

_ESCAPE = "\x1b"


def job_record(job: Job) -> dict[str, Any]:
    """A job. Times are unix seconds."""
    progress = job.progress
    return {
        "id": job.id,
        "kind": job.kind,
        "title": job.title,
        "state": job.state.value,
        "target": job.target,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "start_at": job.start_at,
        "step": job.step,
        "steps": list(job.steps),
        "progress": {"stage": progress.stage, "fraction": progress.fraction} if progress else None,
        "eta_seconds": job.eta_seconds,
        "waits_for": list(job.waits_for),
        "input": dict(job.input),
        "result": dict(job.result),
        "error": job.error,
        "command": job.command,
        "exit_code": job.exit_code,
        "log_bytes": job.log_bytes,
        "author": job.author,
        "retry_of": job.retry_of,
    }


def log_record(record: LogRecord, source: str) -> dict[str, Any]:
    """A line as the pages' logs have it; `seq` is its offset, `ansi` the text with colours when it has some."""
    line: dict[str, Any] = {"seq": record.offset, "ts": record.time, "source": source, "text": record.text}
    if _ESCAPE in record.text:
        line |= {"text": clean(record.text.encode()), "ansi": record.text}
    if record.replaces:
        line["cr"] = True
    return line


def action_record(offer: Offer, target: str = "") -> dict[str, Any]:
    """An action as it is offered."""
    spec = offer.action.spec
    reason = offer.hindrance(target)
    return {
        "id": offer.id,
        "plugin": offer.plugin,
        "title": spec.title,
        "description": spec.description,
        "icon": spec.icon,
        "slots": list(spec.slots),
        "target": spec.target,
        "input": {"$ref": f"api/ui/schemas/{offer.plugin}.{spec.id}"},
        "confirm": {"level": spec.confirm.value, "text": spec.confirm_text},
        "danger": spec.danger,
        "policy": spec.policy.value,
        "job": True,
        "preview": spec.preview,
        "available": {"ok": not reason, "reason": reason},
        "order": spec.order,
    }


def plan_record(plan: Plan) -> dict[str, Any]:
    """What a plan would do, secrets by name only."""
    return {
        "commands": [_step_record(step) for step in plan.steps],
        "files": [{"path": change.path, "diff": change.diff} for change in plan.files],
        "warnings": list(plan.warnings),
        "locks": sorted(plan.locks),
    }


def _step_record(step: Step) -> dict[str, Any]:
    command = step.command
    record: dict[str, Any] = {
        "title": step.title,
        "node": step.node,
        "timeout_seconds": step.timeout_seconds,
        "optional": step.optional,
    }
    if command is None:
        return record | {"command": step.shown_as, "argv": []}
    return record | {
        "command": shlex.join(command.argv),
        "argv": list(command.argv),
        "cwd": str(command.cwd) if command.cwd else "",
        "env": {name: str(value) for name, value in command.env.items()},
    }
