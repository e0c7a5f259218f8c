"""Runs as jobs: what a request becomes, one step for each model, and what a finished one leaves in the store."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from attrs import define, evolve, frozen

from swaplab_benchy.adapter import Child, Tail, forget_folder, installed_runner, measure
from swaplab_benchy.facts import gguf_file, launch_of, model_facts, provenance
from swaplab_benchy.options import RunOptions
from swaplab_benchy.results import Provenance, Run
from swaplab_benchy.runner import VERSION, Runner, find_runner
from swaplab_benchy.store import ResultStore
from swaplab_benchy.targets import ModelFacts, target_of
from swaplab_benchy.wire import options_document
from swaplab_core.plugin import (
    Command,
    Job,
    LabView,
    ModelId,
    Plan,
    Progress,
    Step,
    Work,
)

RUN, INSTALL = "benchy:run", "benchy:install"
RUN_SECONDS = 12 * 3600.0
INSTALL_SECONDS = 1800.0
DEFAULT_OUTPUT_FOLDER = "/tmp/llama-benchy-runs"  # noqa: S108 - the fork's documented default; the runner makes it


@frozen
class Settings:
    """The settings that runs depend on, see `plugin.BenchySettings`."""

    intelligence_commit: str = ""


@define(eq=False)
class Bench:
    """All runs of one daemon. `environ` is the daemon's environment, `find_program` looks on its PATH."""

    lab: LabView
    store: ResultStore
    state: Path
    settings: Callable[[], Settings]
    environ: Mapping[str, str]
    find_program: Callable[[str], str | None]

    @property
    def is_disabled(self) -> bool:
        """Whether the operator has switched benchmarks off."""
        return self.environ.get("LLAMA_BENCHY_DISABLE", "").strip().lower() in {"1", "true"}

    def runner(self, options: RunOptions | None = None) -> Runner:
        """The program that would run these options. Raises PluginFailed, saying what to install."""
        return find_runner(
            self.environ,
            self.find_program,
            installed_runner(self.state),
            intelligence=bool(options and options.intelligence),
            intelligence_commit=self.settings().intelligence_commit,
        )

    async def plan(self, options: RunOptions) -> Plan:
        """One step a model. Raises UnknownModel, PluginFailed.

        Runs on one machine wait for each other, so that none disturbs another.
        """
        self.runner(options)
        facts = [await model_facts(self.lab.gateway, self.lab.config, name) for name in options.models]
        steps = tuple(self._step(each, self._complete(options)) for each in facts)
        return Plan(steps, locks=frozenset({"benchmark", *(f"model:{each.id}" for each in facts)}))

    async def submit(self, options: RunOptions) -> Job:
        """Queue a run, or keep it until its time."""
        plan = await self.plan(options)
        names = ", ".join(dict.fromkeys(options.models))
        return self.lab.submit(
            plan,
            kind=RUN,
            title=f"Benchmark {names}",
            target=options.models[0],
            input=options_document(options),
            start_at=options.start_at,
        )

    def install_plan(self) -> Plan:
        """Make our own environment with the pinned runner in it."""
        folder = self.state / "environment"
        python = str(folder / "bin" / "python")
        steps = (
            Step("Make an environment", Command((_python(), "-m", "venv", "--clear", str(folder)))),
            Step(
                f"Install llama-benchy {VERSION}",
                Command(
                    (python, "-m", "pip", "install", "--disable-pip-version-check", f"llama-benchy=={VERSION}"),
                    cwd=PurePosixPath(self.state),
                ),
                timeout_seconds=INSTALL_SECONDS,
            ),
        )
        return Plan(steps, locks=frozenset({"benchmark"}))

    def _complete(self, options: RunOptions) -> RunOptions:
        """Fill in what the environment says."""
        wanted = options.intelligence
        if wanted is None:
            return options
        output = wanted.output_dir or self.environ.get("LLAMA_BENCHY_OUTPUT_DIR") or DEFAULT_OUTPUT_FOLDER
        cache = _expanded(wanted.dataset_cache_dir)
        return evolve(options, intelligence=evolve(wanted, output_dir=_expanded(output), dataset_cache_dir=cache))

    def _step(self, facts: ModelFacts, options: RunOptions) -> Step:
        tail = Tail()

        def hear(line: str) -> Progress | None:
            tail.hear(line)
            return None

        return Step(
            f"Measure {facts.asked}",
            work=partial(self._measure, facts, options, tail),
            timeout_seconds=RUN_SECONDS,
            reads_progress=hear,
            shown_as=" ".join(self._shown(facts, options)),
        )

    def _child(self, facts: ModelFacts, options: RunOptions, weights: str) -> Child:
        own = not options.base_url
        target = target_of(
            facts, tokenizer=options.tokenizer, own_address=own, trust_remote_code=options.trust_remote_code
        )
        base_url = options.base_url or f"{self.lab.url}/v1"
        key = self.lab.program_key if own else ""  # never to an address that somebody typed in
        return Child(self.runner(options), base_url, target, options, key, weights)

    def _shown(self, facts: ModelFacts, options: RunOptions) -> tuple[str, ...]:
        from swaplab_benchy.argv import arguments  # noqa: PLC0415 - only the preview shows it

        child = self._child(facts, options, "")
        return (*child.runner.argv, *arguments(child.base_url, child.target, options))

    async def _measure(self, facts: ModelFacts, options: RunOptions, tail: Tail, work: Work) -> Mapping[str, Any]:
        run_id = secrets.token_hex(16)
        folder = self.state / "runs" / run_id
        work.log(f"loading {facts.id} …")
        async with work.lease(ModelId(facts.id)):
            launch = await launch_of(self.lab.gateway, facts.id)
            child = self._child(facts, options, gguf_file(launch))
            work.log(f"runner: {' '.join(child.runner.argv)} ({child.runner.source})")
            known = await provenance(self.lab.gateway, facts.id, self._known(facts, options, launch, child.runner))
            try:
                result = await measure(work, child, folder, self.environ, tail)
            finally:
                await asyncio.to_thread(forget_folder, folder)
        if result is None:
            return {
                facts.asked: {"model": facts.id, "folder": options.intelligence and options.intelligence.output_dir}
            }
        await asyncio.to_thread(self.store.save, Run(run_id, time.time(), known, result))
        return {facts.asked: {"model": facts.id, "result": run_id}}

    def _known(self, facts: ModelFacts, options: RunOptions, launch: tuple[str, ...], runner: Runner) -> Provenance:
        recipe = facts.metadata.get("recipe_ui")
        ours = recipe if isinstance(recipe, Mapping) else {}
        shown = options_document(evolve(options, models=(facts.asked,)))
        return Provenance(
            model=facts.id,
            recipe=str(ours.get("recipe_ref", "")),
            recipe_hash=str(ours.get("recipe_revision", "")),
            launch=launch,
            launch_hash=_fingerprint(launch),
            image=str(ours.get("container_image", "")),
            runner=f"llama-benchy {VERSION}" if runner.source == "environment" else " ".join(runner.argv),
            corpus=options.corpus.value,
            options=shown,
        )


def _fingerprint(launch: tuple[str, ...]) -> str:
    """Equal for launches that differ in their port only, which each start may choose anew."""
    words = [word for at, word in enumerate(launch) if at == 0 or launch[at - 1] != "--port"]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16] if launch else ""


def _expanded(path: str) -> str:
    return os.path.expanduser(path) if path.startswith("~") else path  # noqa: PTH111 - text stays text


def _python() -> str:
    import sys  # noqa: PLC0415 - the interpreter that runs us is the one we know to work

    return sys.executable
