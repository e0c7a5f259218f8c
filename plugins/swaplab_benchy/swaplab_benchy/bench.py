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

from swaplab_benchy.adapter import Tail, environment_folder, installed_runner, measure
from swaplab_benchy.facts import gguf_file, launch_of, model_facts, provenance
from swaplab_benchy.options import RunOptions
from swaplab_benchy.results import Provenance, Run
from swaplab_benchy.runner import Runner, find_runner, requirement
from swaplab_benchy.sandbox import Account, Isolation, choose
from swaplab_benchy.store import ResultStore
from swaplab_benchy.surroundings import Child, forget, run_folder
from swaplab_benchy.targets import ModelFacts, target_of
from swaplab_benchy.wire import options_document
from swaplab_core.plugin import (
    Command,
    Job,
    LabView,
    ModelId,
    Plan,
    Step,
    Work,
)

RUN = "benchy:run"
RUN_SECONDS = 12 * 3600.0
INSTALL_SECONDS = 1800.0
PROBE_SECONDS = 60.0
DEFAULT_OUTPUT_FOLDER = "/tmp/llama-benchy-runs"  # noqa: S108 - the fork's documented default; the runner makes it


@frozen
class Settings:
    """The settings that runs depend on, see `plugin.BenchySettings`."""

    intelligence_commit: str = ""
    user: str = "nobody"


@define(eq=False)
class Bench:
    """All runs of one daemon. `environ` is the daemon's environment, `find_program` looks on its PATH.

    `find_account` answers a user of this machine, None when there is none of that name.
    """

    lab: LabView
    store: ResultStore
    state: Path
    settings: Callable[[], Settings]
    environ: Mapping[str, str]
    find_program: Callable[[str], str | None]
    find_account: Callable[[str], Account | None]

    @property
    def is_disabled(self) -> bool:
        """Whether the operator has switched benchmarks off."""
        return self.environ.get("LLAMA_BENCHY_DISABLE", "").strip().lower() in {"1", "true"}

    def runner(self, options: RunOptions | None = None) -> Runner:
        """The program that would run these options. Raises Conflict, saying what to install."""
        intelligence = bool(options and options.intelligence)
        return find_runner(
            self.environ,
            self.find_program,
            installed_runner(self.state, intelligence=intelligence),
            intelligence=intelligence,
            intelligence_commit=self.settings().intelligence_commit,
        )

    def isolation(self, options: RunOptions) -> Isolation:
        """As whom these options would run: somebody else when code of the model's runs, and that can be had."""
        if options.intelligence is None or not options.intelligence.allow_code_exec:
            return Isolation(reason="no code of the model's is run")
        wanted = self.settings().user
        is_root = os.geteuid() == 0
        return choose(
            is_root=is_root, wanted=wanted, account=self.find_account(wanted), tool=self.find_program("setpriv")
        )

    async def plan(self, options: RunOptions) -> Plan:
        """One step a model. Raises UnknownModel, and Conflict when no runner is here.

        Runs on one machine wait for each other, so that none disturbs another.
        """
        self.runner(options)
        facts = [await model_facts(self.lab.gateway, self.lab.config, name) for name in options.models]
        steps = tuple(self._step(each, self.completed(options)) for each in facts)
        locks = frozenset({"benchmark", *(f"model:{each.id}" for each in facts)})
        return Plan(steps, locks, self._warnings(options), start_at=options.start_at)

    def _warnings(self, options: RunOptions) -> tuple[str, ...]:
        if options.intelligence is None or not options.intelligence.allow_code_exec:
            return ()
        return (f"suites may run what the model wrote, as {self.isolation(options)}",)

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
            start_at=plan.start_at,
        )

    def install_plan(self, *, intelligence: bool = False) -> Plan:
        """Make our own environment with the pinned runner in it; each edition has one."""
        folder = environment_folder(self.state, intelligence=intelligence)
        wanted = requirement(intelligence=intelligence, commit=self.settings().intelligence_commit)
        python = str(folder / "bin" / "python")
        steps = (
            Step("Make an environment", Command((_python(), "-m", "venv", "--clear", str(folder)))),
            Step(
                f"Install {wanted}",
                Command(
                    (python, "-m", "pip", "install", "--disable-pip-version-check", wanted),
                    cwd=PurePosixPath(self.state),
                ),
                timeout_seconds=INSTALL_SECONDS,
            ),
        )
        return Plan(steps, locks=frozenset({"benchmark"}))

    def completed(self, options: RunOptions) -> RunOptions:
        """Fill in what the environment says."""
        wanted = options.intelligence
        if wanted is None:
            return options
        output = wanted.output_dir or self.environ.get("LLAMA_BENCHY_OUTPUT_DIR") or DEFAULT_OUTPUT_FOLDER
        cache = _expanded(wanted.dataset_cache_dir)
        return evolve(options, intelligence=evolve(wanted, output_dir=_expanded(output), dataset_cache_dir=cache))

    def _step(self, facts: ModelFacts, options: RunOptions) -> Step:
        tail = Tail()
        return Step(
            f"Measure {facts.asked}",
            work=partial(self._measure, facts, options, tail),
            timeout_seconds=RUN_SECONDS,
            reads_progress=tail.hear,
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
        work.log(f"loading {facts.id} …")
        async with work.lease(ModelId(facts.id)):
            launch = await launch_of(self.lab.gateway, facts.id)
            child = await self._kept_apart(self._child(facts, options, gguf_file(launch)), work)
            work.log(f"runner: {' '.join(child.runner.argv)} ({child.runner.source})")
            known = await provenance(self.lab.gateway, facts.id, self._known(facts, child, launch))
            folder = run_folder(child, self.state, run_id)
            try:
                result = await measure(work, child, folder, self.environ, tail)
            finally:
                await asyncio.to_thread(forget, folder)
        await asyncio.to_thread(self.store.save, Run(run_id, time.time(), known, result))
        said = {"folder": tail.folder} if tail.folder else {}
        return {facts.asked: {"model": facts.id, "result": run_id, **said}}

    async def _kept_apart(self, child: Child, work: Work) -> Child:
        """As whom it really runs: a user who cannot start the runner is no use."""
        found = self.isolation(child.options)
        if found.account is not None:
            argv = found.wrap((*child.runner.argv, "--version"), self.environ)
            tried = await self.lab.run(Command(argv), timeout_seconds=PROBE_SECONDS)
            if tried.exit_code != 0:
                found = Isolation(reason=f"the user {found.account.name} cannot start {child.runner.argv[0]}")
        if child.options.intelligence and child.options.intelligence.allow_code_exec:
            work.log(f"suites may run what the model wrote, as {found}")
        return evolve(child, isolation=found)

    def _known(self, facts: ModelFacts, child: Child, launch: tuple[str, ...]) -> Provenance:
        options, runner = child.options, child.runner
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
            runner=_runner_name(runner, self.settings(), intelligence=bool(options.intelligence)),
            corpus="" if options.intelligence else options.corpus.value,
            ran_as=str(child.isolation) if options.intelligence and options.intelligence.allow_code_exec else "",
            options=shown,
        )


def _runner_name(runner: Runner, settings: Settings, *, intelligence: bool) -> str:
    if runner.source != "environment":
        return " ".join(runner.argv)
    return requirement(intelligence=intelligence, commit=settings.intelligence_commit)


def _fingerprint(launch: tuple[str, ...]) -> str:
    """Equal for launches that differ in their port only, which each start may choose anew."""
    words = [word for at, word in enumerate(launch) if at == 0 or launch[at - 1] != "--port"]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16] if launch else ""


def _expanded(path: str) -> str:
    return os.path.expanduser(path) if path.startswith("~") else path  # noqa: PTH111 - text stays text


def _python() -> str:
    import sys  # noqa: PLC0415 - the interpreter that runs us is the one we know to work

    return sys.executable
