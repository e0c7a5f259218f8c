"""Actions on backend folders as jobs: for the hook that lists actions, and for the older routes that wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, evolve

from swaplab_core.domain.action import ActionSpec
from swaplab_core.domain.backend import BackendState
from swaplab_core.domain.errors import Conflict, InvalidForm, NotThere
from swaplab_core.domain.job import Job, JobState
from swaplab_core.domain.plan import Plan
from swaplab_core.plugin.actions import Action, Planner
from swaplab_core.plugin.forms import read_form
from swaplab_core.plugin.hooks import hookimpl
from swaplab_core.plugin.lab import LabView
from swaplab_core.services.backends.choices import BackendChoices
from swaplab_core.services.backends.folders import Backends

PLUGIN = "backends"
"""The name under which the actions stand, `backends:build_vllm`."""

LEGACY_FIELDS: Mapping[str, str] = {
    "sourceImage": "image",
    "hfModel": "model",
    "hfFormat": "format",
    "hfQuantization": "quantization",
}
"""What older clients send, by the field of the form that it fills."""

FORMATS: Mapping[str, str] = {
    "": "safetensors",
    "safetensor": "safetensors",
    "safetensors": "safetensors",
    "gguf": "gguf",
}


@define(eq=False)
class BackendJobs:
    """Plans actions and hands them to the job runner."""

    backends: Backends

    def submit(self, action: str, data: Mapping[str, Any], state: BackendState, *, exclusive: bool = False) -> Job:
        """Run an action; `exclusive` refuses while the folder is worked on.

        Raises NotThere, Conflict and InvalidForm.
        """
        view = self.backends.view
        offered = self.backends.actions(state)
        if action not in offered:
            raise NotThere(f"unsupported action {action!r} for {state.id}", advice=f"offered: {', '.join(offered)}")
        spec = offered[action].spec
        form, problems = read_form(spec.form, data)
        if problems:
            raise InvalidForm([(problem.path, problem.message) for problem in problems])
        plan = self.backends.plan(action, form, state)
        if exclusive and (busy := self.running(state)):
            raise Conflict(f"action {busy.kind.partition(':')[2]} is already running", advice=f"see job {busy.id}")
        return view.submit(plan, kind=f"{PLUGIN}:{action}", title=spec.title, target=state.id, input=dict(data))

    def running(self, state: BackendState) -> Job | None:
        """The job that works on a folder now, or waits for it."""
        return next((job for job in self._jobs() if job.target == state.id and not job.state.is_over), None)

    def latest(self) -> Job | None:
        """The job that runs, else the newest one."""
        jobs = self._jobs()
        return next((job for job in jobs if not job.state.is_over), jobs[0] if jobs else None)

    def _jobs(self) -> list[Job]:
        return [job for job in self.backends.view.jobs(f"{PLUGIN}:") if job.state is not JobState.SCHEDULED]

    # for `swaplab_actions`

    def offers(self) -> Iterable[Action]:
        """Every action of every folder that was seen last, once each; its guard knows for which folder it is."""
        seen: dict[str, Action] = {}
        for state in self.backends.last.backends:
            for id_, found in self.backends.actions(state).items():
                if id_ not in seen:
                    spec = _for_any_folder(found.spec)
                    seen[id_] = Action(spec, _planner(self, id_), guard=_guard(self, id_))
        return seen.values()

    def hindrance(self, action: str, target: str) -> str:
        """Why an action cannot be run on a folder, "" when it can."""
        try:
            state = self.backends.last.backend(target)
        except NotThere as error:
            return str(error)
        found = self.backends.actions(state).get(action)
        return f"{state.id} has no such action" if found is None else found.spec.unavailable

    async def plan(self, action: str, form: Any, target: str) -> Plan:
        """What an action would do to a folder as it is now."""
        catalogue = await self.backends.look()
        return self.backends.plan(action, form, catalogue.backend(target))


def _for_any_folder(spec: ActionSpec) -> ActionSpec:
    """What an action is called when no folder is meant yet."""
    return evolve(spec, unavailable="", title=spec.title.partition(" (")[0])


def _planner(jobs: BackendJobs, action: str) -> Planner:
    async def plan(form: Any, target: str) -> Plan:
        return await jobs.plan(action, form, target)

    return plan


def _guard(jobs: BackendJobs, action: str) -> Callable[[str], str]:
    return lambda target: jobs.hindrance(action, target)


@define(eq=False)
class BackendPages:
    """The hooks of this part of the core, registered like a plugin's."""

    jobs: BackendJobs

    @hookimpl
    def swaplab_actions(self) -> Iterable[Action]:
        """Every action of every backend folder, and the choices that people make for one."""
        return [*self.jobs.offers(), *BackendChoices(self.jobs.backends).actions()]

    @hookimpl
    async def swaplab_startup(self, lab: LabView) -> None:
        """Look once, so that actions are known before somebody opens the page."""

        async def look() -> None:
            await self.jobs.backends.look()

        lab.spawn(look, name="look at backends")
