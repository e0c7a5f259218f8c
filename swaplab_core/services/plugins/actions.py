"""What plugins offer to do: which actions there are, what one would do, and running it as a job."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from attrs import define, frozen

from swaplab_core.config.structure import fields_by_key
from swaplab_core.domain.errors import Conflict, InvalidForm, NotThere, PluginFailed, SwaplabError
from swaplab_core.domain.job import Job, JobId
from swaplab_core.domain.plan import Plan
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.forms import read_form
from swaplab_core.plugin.hooks import Hooks, guarded, guarded_wait
from swaplab_core.plugin.lab import LabView
from swaplab_core.runtime.jobs import Jobs

HIDDEN = "***"
"""What is told in the place of a secret."""


@frozen
class Offer:
    """An action and the plugin that offers it."""

    plugin: str
    action: Action

    @property
    def id(self) -> str:
        """Its name on the wire."""
        return f"{self.plugin}:{self.action.spec.id}"

    def hindrance(self, target: str) -> str:
        """Why it cannot be run now, "" when it can. A guard that raises is a hindrance too.

        What is about something can be hindered only where it is known about what.
        """
        spec = self.action.spec
        if spec.unavailable or self.action.guard is None or (spec.target and not target):
            return spec.unavailable
        said = guarded(partial(self.action.guard, target))
        return f"its guard failed: {said!r}" if isinstance(said, Exception) else said


@define(eq=False)
class Actions:
    """Asks the plugins anew each time, so that what they say of themselves is as it is now."""

    hooks: Hooks
    view: LabView
    jobs: Jobs

    def all(self) -> list[Offer]:
        """Every action, by plugin and in the order that the plugin wants."""
        offers = self.hooks.actions(self.view).items()
        found = [Offer(plugin, action) for plugin, actions in offers for action in actions]
        return sorted(found, key=lambda offer: (offer.action.spec.order, offer.id))

    def find(self, name: str) -> Offer:
        """One action by its name on the wire. Raises NotThere."""
        for offer in self.all():
            if offer.id == name:
                return offer
        raise NotThere(f"there is no action {name!r}", advice="see GET /api/actions")

    async def plan(self, offer: Offer, data: object, target: str) -> Plan:
        """What it would do. Raises InvalidForm, Conflict when it cannot be run now, and what the planner raises."""
        if reason := offer.hindrance(target):
            raise Conflict(f"{offer.action.spec.title} cannot be run now: {reason}")
        form, problems = read_form(offer.action.spec.form, data)
        if problems:
            raise InvalidForm([(problem.path, problem.message) for problem in problems])
        return self._checked(offer, await guarded_wait(partial(_planned, offer.action, form, target)))

    async def run(
        self, offer: Offer, data: Mapping[str, Any], target: str, *, author: str = "", start_at: float | None = None
    ) -> Job:
        """Plan it and put it in the queue. Raises what `plan` raises."""
        plan = await self.plan(offer, data, target)
        shown = without_secrets(offer.action.spec.form, data)
        title = offer.action.spec.title
        when = plan.start_at if start_at is None else start_at
        return self.jobs.submit(
            plan, kind=offer.id, title=title, target=target, input=shown, author=author, start_at=when
        )

    async def retry(self, job: JobId, *, author: str = "") -> Job:
        """Do what a job did once more, planned anew when its action is still there. Raises NotThere and Conflict."""
        old = self.jobs.find(job)
        if not old.state.is_over:
            raise Conflict("the job is not over", advice="cancel it first")
        remembered = self.jobs.plan_of(job)
        try:
            plan = await self._planned_anew(old) or remembered
        except InvalidForm:  # what the job was given is not what the form asks for: a plugin has begun it by itself
            plan = remembered
        if plan is None:
            raise Conflict("it cannot be repeated: what it did is no longer known", advice="start it from its page")
        return self.jobs.submit(
            plan, kind=old.kind, title=old.title, target=old.target, input=old.input, author=author, retry_of=old.id
        )

    async def plan_again(self, job: Job) -> Plan | None:
        """The plan of the action that a job ran, as it would be now; None when it cannot be made. Raises nothing."""
        try:
            return await self._planned_anew(job)
        except SwaplabError:
            return None

    async def _planned_anew(self, job: Job) -> Plan | None:
        """None when the action is gone, or needs a secret again."""
        if HIDDEN in job.input.values():
            return None
        try:
            offer = self.find(job.kind)
        except NotThere:
            return None
        return await self.plan(offer, job.input, job.target)

    def _checked(self, offer: Offer, plan: object) -> Plan:
        match plan:
            case Plan():
                return plan
            case SwaplabError() if not isinstance(plan, PluginFailed):
                raise plan
            case Exception():
                mistake = plan
            case _:
                mistake = TypeError(f"it answered with {plan!r}, which is no Plan")
        self.hooks.report(offer.plugin, mistake)
        raise PluginFailed(f"the plugin {offer.plugin!r} could not plan {offer.id}: {mistake}")


async def _planned(action: Action, form: Any, target: str) -> Plan:
    answer = action.plan(form, target)
    return await answer if inspect.isawaitable(answer) else answer


def without_secrets(form: type, data: Mapping[str, Any]) -> dict[str, Any]:
    """The input as it may be kept and shown."""
    secret = {key for key, field in fields_by_key(form).items() if field.metadata.get("secret")}
    return {key: HIDDEN if key in secret and value else value for key, value in data.items()}
