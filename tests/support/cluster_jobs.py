"""Actions of the cluster, run as a user would: asked for over HTTP, waited for, their log read."""

from __future__ import annotations

from typing import Any

from running_swaplab import Swaplab

from swaplab_core.testing.waiting import wait_until

OVER = {"succeeded", "failed", "cancelled", "interrupted"}


def begin(swaplab: Swaplab, action: str, target: str = "", **form: object) -> str:
    """Start an action of the cluster; answers its job."""
    body = {"input": form, "target": target}
    answer = swaplab.ask_as_admin("POST", f"/api/actions/cluster:{action}", json_body=body)
    assert answer.status == 202, answer.text
    return str(answer.json()["job"]["id"])


def job(swaplab: Swaplab, name: str) -> dict[str, Any]:
    """The record of a job as it stands."""
    return dict(swaplab.ask_as_admin("GET", f"/api/jobs/{name}").json())


def log_of(swaplab: Swaplab, name: str) -> str:
    """All that a job has written."""
    return swaplab.ask_as_admin("GET", f"/api/jobs/{name}/log?format=text").text


def ended(swaplab: Swaplab, name: str, state: str = "succeeded", *, seconds: float = 120.0) -> str:
    """Wait for the end of a job, which must be this; answers its log."""
    wait_until(lambda: job(swaplab, name)["state"] in OVER, f"the end of job {name}", deadline_seconds=seconds)
    said = log_of(swaplab, name)
    assert job(swaplab, name)["state"] == state, said
    return said
