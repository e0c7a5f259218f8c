"""What the core calls: settings, actions, routes, pages, commands and checks of the plugin `benchy`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import click
from attrs import define, field, frozen

from swaplab_benchy import cli, panels
from swaplab_benchy.api import BenchRoutes
from swaplab_benchy.bench import Bench, Settings
from swaplab_benchy.form import RunForm, options_of
from swaplab_benchy.store import ResultStore
from swaplab_core.domain.errors import PluginError
from swaplab_core.plugin import (
    Action,
    ActionSpec,
    Diagnostic,
    Finding,
    Health,
    LabView,
    NoInput,
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
        help="the commit of llama-benchy's intelligence edition that uvx runs; a moving branch is never run",
        pattern=r"[0-9a-f]{7,40}|",
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
            NoInput,
            description="Makes an environment of the plugin's own with the pinned release in it (about 350 MB).",
            icon="cloud-download",
            policy=Policy.ADMIN,
        )
        return [Action(run_spec, run), Action(install_spec, lambda _, __: bench.install_plan())]

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
                lab, ResultStore(state / "results"), state, lambda: _settings(lab), os.environ, find_program
            )
        return self._bench


def _settings(lab: LabView) -> Settings:
    return Settings(lab.settings(NAME, BenchySettings).intelligence_commit)


def _missing(bench: Bench) -> str:
    """Why no benchmark can be run, "" when one can."""
    try:
        bench.runner()
    except PluginError as error:
        return error.message
    return ""


def find_program(name: str) -> str | None:
    """Look on PATH; a name with `~` is a file."""
    if name.startswith("~"):
        file = Path(name).expanduser()
        return str(file) if os.access(file, os.X_OK) else None
    return shutil.which(name)
