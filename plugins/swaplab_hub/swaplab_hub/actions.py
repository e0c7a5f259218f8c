"""What people can do with models: download, resume, discard, delete, make a recipe. Each runs as a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define

from swaplab_core.domain.errors import Conflict, NotThere
from swaplab_core.plugin import Action, ActionSpec, Confirm, FileChange, NoInput, Plan, Step, Work
from swaplab_core.plugin.backend_actions import action
from swaplab_hub import names, pages, places
from swaplab_hub.forms import BackendDownloadForm, DeleteForm, DownloadForm, RecipeForm
from swaplab_hub.model_hub import ModelHub
from swaplab_hub.recipes import RecipeMaker


@define(eq=False)
class HubActions:
    """The actions of one hub."""

    hub: Callable[[], ModelHub]

    def all(self) -> tuple[Action, ...]:
        """Every action."""
        return (
            Action(
                ActionSpec(
                    "download", "Download a model", DownloadForm,
                    "One set of weights with configuration and tokenizer; a cancelled download goes on where it ended.",
                    "download", slots=(f"page:{pages.ROUTE}", "command-palette"), order=10,
                ),
                self._download,
            ),
            Action(
                ActionSpec(
                    "resume", "Resume", NoInput, "Goes on with a download that did not end.", "play",
                    slots=(pages.UNFINISHED_ROW,), target="repo", order=10,
                ),
                self._resume,
            ),
            Action(
                ActionSpec(
                    "discard", "Discard", NoInput, "Deletes what a download that did not end has left.", "trash-2",
                    slots=(pages.UNFINISHED_ROW,), target="repo", confirm=Confirm.ASK, danger=True, order=20,
                ),
                self._discard,
            ),
            Action(
                ActionSpec(
                    "make_recipe", "Make a recipe", RecipeForm,
                    "A recipe and a model entry for what is cached.", "plus",
                    slots=(pages.MODEL_ROW, "command-palette"), order=10,
                ),
                self._make_recipe,
            ),
            Action(
                ActionSpec(
                    "delete", "Delete", DeleteForm,
                    "Content that other revisions use stays. Nothing that is loaded is deleted.", "trash-2",
                    slots=(pages.MODEL_ROW,), target="repo", confirm=Confirm.TYPE, danger=True, order=90,
                    confirm_text="It can only be downloaded again.",
                ),
                self._delete,
            ),
            Action(
                ActionSpec(
                    "delete_revision", "Delete", NoInput, "Content that other revisions use stays.", "trash-2",
                    slots=(pages.REVISION_ROW,), target="revision", confirm=Confirm.TYPE, danger=True, order=90,
                ),
                self._delete_revision,
            ),
        )  # fmt: skip

    def for_backends(self) -> Action:
        """Downloading from a backend's card, and by the older route for actions: its form has their words."""
        spec = action("download_hf_model", "Download a model", BackendDownloadForm, icon="download", order=20)
        return Action(spec, lambda form, _: self._download_unseen(form))

    def _download_unseen(self, form: BackendDownloadForm) -> Plan:
        hub = self.hub()
        around = hub.surroundings()
        return hub.plan_into(places.find(around, places.chosen(around)).folder, form.request())

    async def _download(self, form: DownloadForm, _: str) -> Plan:
        return await self.hub().download_plan(form.request())

    async def _resume(self, _: NoInput, target: str) -> Plan:
        wanted = self.hub().unfinished.of(names.check_repo(target))
        if wanted is None:
            raise Conflict(f"it is not known what was wanted of {target}", advice="download it again, it goes on then")
        return await self.hub().download_plan(wanted)

    async def _discard(self, _: NoInput, target: str) -> Plan:
        return await self.hub().discard_plan(names.folder_of(names.check_repo(target)))

    async def _delete(self, form: DeleteForm, target: str) -> Plan:
        folder = names.folder_of(names.check_repo(target))
        return await self.hub().deletion_plan(folder, form.revisions, form.machines, even_if_used=form.even_if_used)

    async def _delete_revision(self, _: NoInput, target: str) -> Plan:
        """`organisation/name@commit`, as its row says."""
        repo, _at, revision = target.partition("@")
        if not revision:
            raise NotThere(f"{target!r} is no revision", advice="write organisation/name@commit")
        return await self.hub().deletion_plan(names.folder_of(names.check_repo(repo)), [revision])

    async def _make_recipe(self, form: RecipeForm, _: str) -> Plan:
        hub = self.hub()
        repo = names.check_repo(form.repo)
        maker = RecipeMaker(hub, hub.lab.gateway)
        folder, model = names.folder_of(repo), form.model_id.strip() or repo.rpartition("/")[2]
        offer = await maker.offer(folder, form.backend)

        async def work(work: Work) -> Mapping[str, Any]:
            made = await maker.make(folder, model, form.backend)
            work.log(made["message"])
            return made

        text = "".join(f"+{line}\n" for line in offer.text.splitlines())
        path = f"{offer.reference}.yaml"
        change = FileChange(path, f"--- /dev/null\n+++ {path}\n{text}")
        step = Step(f"Make {model} of {repo}", work=work, timeout_seconds=60.0, shown_as=f"# for {offer.backend}")
        return Plan((step,), frozenset({"config"}), files=(change,))
