"""A daemon that is killed while a job runs: nothing that the job started lives on, and its history says so."""

from __future__ import annotations

import signal
import textwrap

from running_swaplab import running_swaplab

from swaplab_core.testing.waiting import wait_until

PLUGIN = """
    import sys
    from swaplab_core.plugin import Action, ActionSpec, Command, Plan, Policy, Step, hookimpl

    CHILD = "import time; time.sleep(600)"
    PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{CHILD}']); " \\
        f"print('started', flush=True); {CHILD}"

    def plan(form, target):
        return Plan((Step("Build", Command((sys.executable, "-c", PARENT))),), frozenset({"one"}))

    @hookimpl
    def swaplab_actions():
        return [Action(ActionSpec("build", "Build", policy=Policy.OPERATE), plan)]
"""


def install(folder):
    info = folder / "slow_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[swaplab.plugins]\nslow = slow_plugin\n")
    (folder / "slow_plugin.py").write_text(textwrap.dedent(PLUGIN))
    return {"PYTHONPATH": str(folder)}


def test_after_a_kill_the_commands_are_gone_and_the_history_says_what_happened(tmp_path):
    env = install(tmp_path / "site")
    state = ("--state-dir", str(tmp_path / "state/swaplab"))
    soon = 2_000_000_000_000
    with running_swaplab(tmp_path, {}, *state, env=env, killed=True) as swaplab:
        running, queued = (
            swaplab.ask("POST", "/api/actions/slow:build", json_body={}).json()["job"]["id"] for _ in "ab"
        )
        later = swaplab.ask("POST", "/api/actions/slow:build", json_body={"start_at": soon}).json()["job"]["id"]
        wait_until(lambda: "started" in log_of(swaplab, running), "the command to print")
        assert len(swaplab.living()) >= 3
        swaplab.process.send(signal.SIGKILL)
        wait_until(lambda: not swaplab.living(), "everything that it started to be gone")
    with running_swaplab(tmp_path, {}, *state, env=env) as swaplab:
        jobs = {job["id"]: job for job in swaplab.ask("GET", "/api/jobs").json()["jobs"]}
        assert [jobs[job]["state"] for job in (running, queued, later)] == ["interrupted", "interrupted", "scheduled"]
        assert jobs[running]["error"] == "swaplab ended while it ran"
        assert "started" in log_of(swaplab, running)
        again = swaplab.ask("POST", f"/api/jobs/{running}/retry", json_body={}).json()["job"]["id"]
        wait_until(lambda: "started" in log_of(swaplab, again), "the repeated command to print")
        assert swaplab.ask("POST", f"/api/jobs/{again}/cancel", json_body={}).json()["job"]["state"] == "cancelled"
        assert len(swaplab.living()) <= 2, "the daemon and its guard"


def test_a_daemon_that_is_asked_to_stop_ends_its_jobs_first(tmp_path):
    env = install(tmp_path / "site")
    with running_swaplab(tmp_path, {}, env=env) as swaplab:
        job = swaplab.ask("POST", "/api/actions/slow:build", json_body={}).json()["job"]["id"]
        wait_until(lambda: "started" in log_of(swaplab, job), "the command to print")


def log_of(swaplab, job):
    return swaplab.ask("GET", f"/api/jobs/{job}/log?format=text").text
