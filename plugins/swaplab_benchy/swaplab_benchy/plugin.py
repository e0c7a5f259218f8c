"""What the core calls: settings, actions, routes, pages, commands and checks of the plugin `benchy`."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterable
from pathlib import Path

import click
from attrs import define, field, frozen

from swaplab_benchy import cli, panels
from swaplab_benchy.api import BenchRoutes
from swaplab_benchy.bench import Bench, Settings
from swaplab_benchy.form import InstallForm, RunForm, options_of
from swaplab_benchy.sandbox import Account
from swaplab_benchy.store import ResultStore
from swaplab_core.domain.errors import Conflict
from swaplab_core.plugin import (
    Action,
    ActionSpec,
    Diagnostic,
    Finding,
    Health,
    LabView,
    Panels,
    Plan,
    Policy,
    Route,
    form_field,
    hookimpl,
)

NAME = "benchy"


@frozen
class BenchySettings:
    """`plugins.benchy:` of the configuration."""

    intelligence_commit: str = form_field(
        "Commit of the intelligence edition",
        "",
        help="the commit of llama-benchy's edition with suites that is installed or run by uvx, never a moving branch; "
        "empty: the one this plugin was written for",
        pattern=r"[0-9a-f]{7,40}|",
    )
    user: str = form_field(
        "User for suites that run code",
        "nobody",
        help="who runs suites that execute what a model wrote, when swaplab is root; empty: root itself",
        pattern=r"[a-z_][a-z0-9_-]*|",
    )


@define(eq=False)
class Benchy:
    """One for the daemon; begins when the first hook needs the lab."""

    _bench: Bench | None = field(default=None, init=False)

    @hookimpl
    def swaplab_config_section(self) -> type:
        """The settings."""
        return BenchySettings

    @hookimpl
    def swaplab_routes(self, lab: LabView) -> Iterable[Route]:
        """The HTTP API."""
        return BenchRoutes(lambda: self._with(lab)).routes()

    @hookimpl
    def swaplab_actions(self, lab: LabView) -> Iterable[Action]:
        """Run a benchmark, install the runner."""
        bench = self._with(lab)

        async def run(form: RunForm, target: str) -> Plan:
            return await bench.plan(options_of(form, target))

        missing = _missing(bench)
        run_spec = ActionSpec(
            "run",
            "Run a benchmark",
            RunForm,
            description="Measures how fast a model reads and writes, with llama-benchy.",
            icon="gauge",
            slots=("models.row.actions", "model.header.actions"),
            target="model",
            unavailable="benchmarks are switched off (LLAMA_BENCHY_DISABLE)" if bench.is_disabled else missing,
        )
        install_spec = ActionSpec(
            "install",
            "Install llama-benchy",
            InstallForm,
            description="Makes an environment of the plugin's own with the pinned release in it (about 350 MB).",
            icon="cloud-download",
            policy=Policy.ADMIN,
        )
        return [
            Action(run_spec, run),
            Action(install_spec, lambda form, _: bench.install_plan(intelligence=form.intelligence)),
        ]

    @hookimpl
    def swaplab_panels(self) -> Iterable[Panels]:
        """The page Benchmarks."""
        return [panels.PANELS]

    @hookimpl
    def swaplab_commands(self) -> Iterable[click.Command]:
        """`swaplab bench`."""
        return [cli.bench]

    @hookimpl
    def swaplab_diagnostics(self, lab: LabView) -> Iterable[Diagnostic]:
        """Is there a runner?"""

        async def look() -> list[Finding]:
            bench = self._with(lab)
            if (missing := _missing(bench)) != "":
                return [Finding(Health.WARNING, missing, "run the action “Install llama-benchy”", "benchy:install")]
            runner = bench.runner()
            return [Finding(Health.OK, f"benchmarks run with {' '.join(runner.argv)} ({runner.source})")]

        return [Diagnostic("runner", "Benchmark runner", look)]

    def _with(self, lab: LabView) -> Bench:
        if self._bench is None:
            state = lab.state_folder(NAME)
            self._bench = Bench(
                lab,
                ResultStore(state / "results"),
                state,
                lambda: _settings(lab),
                os.environ,
                find_program,
                find_account,
            )
        return self._bench


def _settings(lab: LabView) -> Settings:
    found = lab.settings(NAME, BenchySettings)
    return Settings(found.intelligence_commit, found.user)


def _missing(bench: Bench) -> str:
    """Why no benchmark can be run, "" when one can."""
    try:
        bench.runner()
    except Conflict as error:
        return error.message
    return ""


def find_program(name: str) -> str | None:
    """Look on PATH; a name with `~` is a file."""
    if name.startswith("~"):
        file = Path(name).expanduser()
        return str(file) if os.access(file, os.X_OK) else None
    return shutil.which(name)


def find_account(name: str) -> Account | None:
    """A user of this machine."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(found.pw_name, found.pw_uid, found.pw_gid)
