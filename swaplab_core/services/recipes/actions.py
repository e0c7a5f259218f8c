"""What can be done on the Recipes page, each with a preview: make, change and delete models, recipes, orphans."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from attrs import define, frozen

from swaplab_core.domain.action import ActionSpec, Confirm
from swaplab_core.domain.errors import ClientError, Conflict, NotThere, SwaplabError
from swaplab_core.domain.plan import FileChange, Plan, Step, Work
from swaplab_core.plugin.actions import Action
from swaplab_core.services.recipes.files import Recipes
from swaplab_core.services.recipes.forms import ChangeForm, DeleteModelForm, DeleteRecipeForm, ModelForm
from swaplab_core.services.recipes.managed_models import ManagedModels
from swaplab_core.services.recipes.managed_request import ModelRequest, read_request
from swaplab_core.services.recipes.trial import Trials

RECIPE_ROWS, MODEL_ROWS = "recipes.row.actions", "recipes.model.actions"
RECIPE_ROUTE, CATALOGUE_ROUTE = "/x/recipes/recipe", "/x/recipes/catalogue"
_ON_PAGE = (f"page:{RECIPE_ROUTE}",)
_RECIPE = (RECIPE_ROWS, *_ON_PAGE)
_LOCKS = frozenset({"config"})

Doing = Callable[[], Awaitable[Mapping[str, Any]]]


@frozen
class PruneForm:
    """Nothing to fill in."""


@define(eq=False)
class RecipeActions:
    """Plans them; `changed` is told when a recipe file has gone."""

    recipes: Recipes
    managed: ManagedModels
    trials: Trials
    changed: Callable[[], Awaitable[None]]

    def all(self) -> Iterable[Action]:
        """Every one, in the order in which they are offered."""
        return [
            _action("make_model", "Make a model", ModelForm, self.make, icon="plus", slots=_RECIPE, order=10),
            _action("sync_defaults", "Let its models follow", PruneForm, self.sync, icon="refresh-cw", slots=_ON_PAGE,
                    order=20, description="The models of a recipe take its defaults again."),
            _action("delete_recipe", "Delete", DeleteRecipeForm, self.delete_recipe, icon="trash-2", slots=_ON_PAGE,
                    order=30, danger=True, confirm_text="The file is deleted and cannot be brought back from here."),
            _action("change_model", "Change", ChangeForm, self.change, icon="pencil", slots=(MODEL_ROWS,), order=10,
                    target="model"),
            _action("delete_model", "Delete", DeleteModelForm, self.delete_model, icon="trash-2", slots=(MODEL_ROWS,),
                    order=20, target="model", danger=True, confirm_text="Its entry leaves the configuration."),
            _action("prune", "Remove orphans", PruneForm, self.prune, icon="eraser", target="",
                    slots=(f"page:{CATALOGUE_ROUTE}",), order=50, confirm=Confirm.ASK,
                    confirm_text="Models whose recipe cannot be found leave the configuration.",
                    description="Removes the models whose recipe cannot be found."),
        ]  # fmt: skip

    # planning

    async def make(self, form: ModelForm, target: str) -> Plan:
        """A new model."""
        return await self._upsert(read_request(form.request(target)), "write {} into the configuration")

    async def change(self, form: ChangeForm, target: str) -> Plan:
        """Another shape of a model that is there."""
        if target not in self.managed.models():
            raise NotThere(f"{target!r} is no model that was made of a recipe")
        return await self._upsert(read_request(form.request(target)), "change {} in the configuration")

    async def _upsert(self, request: ModelRequest, title: str) -> Plan:
        reference = request.text("recipeRef") or ""
        entry = await self.recipes.get(reference)
        change = await self.managed.upsert_difference(request)
        shown, where, warnings = await self._would_run(reference, request)

        async def doing() -> Mapping[str, Any]:
            model, revision = await self.managed.upsert(request)
            return {"model": model, "revision": revision}

        problems = [str(problem) for problem in entry.reading.problems]
        done = _step(f"{title.format(request.model)}{where}", doing, shown_as=shown)
        return Plan((done,), _LOCKS, (*problems, *warnings), self._files(change))

    async def _would_run(self, reference: str, request: ModelRequest) -> tuple[str, str, list[str]]:
        """The command that would start the model, and on which machine; why it cannot be told is a warning."""
        try:
            _, preview = await self.trials.of_model(reference, request.given)
        except SwaplabError as error:
            return "", "", [str(error)]
        node = preview.spec.node
        return shlex.join(preview.spec.argv), f", to run on {node}" if node else "", list(preview.doubts)

    async def sync(self, _: PruneForm, target: str) -> Plan:
        """The models of a recipe as its defaults are now."""
        models, change = await self.managed.sync_difference(target)

        async def doing() -> Mapping[str, Any]:
            entry, updated = await self.managed.sync_defaults(target)
            return {"recipe": entry.ref, "models": updated}

        title = f"change {', '.join(models)}" if models else "no model is made of it"
        warnings = () if change else ("nothing would change",)
        return Plan((_step(title, doing),), _LOCKS, warnings, self._files(change))

    async def delete_recipe(self, form: DeleteRecipeForm, target: str) -> Plan:
        """A recipe of the user's and, when told, what is made of it."""
        entry = await self.recipes.get(target)
        if not entry.is_users:
            raise Conflict(f"{entry.id} belongs to its backend's folder, which is not written to")
        users = self.managed.users_of(entry)

        async def doing() -> Mapping[str, Any]:
            await self.recipes.delete(entry)
            await self.managed.purge(users if form.purge else [], f"deleted recipe {entry.ref}")
            await self.changed()
            return {"deleted": str(entry.file.path), "models": users if form.purge else []}

        fate = "go with it" if form.purge else "stay without a recipe and cannot be started"
        warnings = (f"used by {', '.join(users)}: they {fate}",) if users else ()
        return Plan((_step(f"delete {entry.file.path}", doing),), _LOCKS, warnings)

    async def delete_model(self, form: DeleteModelForm, target: str) -> Plan:
        """A model and, when told, its recipe and that recipe's other models."""
        known = self.managed.models().get(target)
        entry = None
        warnings: tuple[str, ...] = ()
        if form.cascade and known is not None and known.settings.recipe:
            catalogue = await self.recipes.world.look()
            try:
                entry = catalogue.find(known.settings.recipe, backend_dir=known.settings.backend_dir)
            except ClientError as error:
                warnings = (f"{error.message}: only the model goes",)
        gone = sorted({target, *(self.managed.users_of(entry) if entry else ())})

        async def doing() -> Mapping[str, Any]:
            if entry is not None and entry.is_users:
                await self.recipes.delete(entry)
                await self.changed()
            await self.managed.purge(gone, f"deleted {target}")
            return {"models": gone}

        title = f"remove {', '.join(gone)} from the configuration"
        if entry is None:
            return Plan((_step(title, doing),), _LOCKS, warnings)
        if not entry.is_users:
            return Plan((_step(title, doing),), _LOCKS, (f"{entry.id} belongs to its backend's folder and is kept",))
        return Plan((_step(f"{title}, and delete {entry.file.path}", doing),), _LOCKS)

    async def prune(self, _: PruneForm, __: str) -> Plan:
        """The orphans."""
        orphans = await self.managed.prune(dry_run=True)
        if not orphans:
            raise Conflict("every model has its recipe")

        async def doing() -> Mapping[str, Any]:
            return {"models": await self.managed.prune(dry_run=False)}

        return Plan((_step(f"remove {', '.join(orphans)}", doing),), _LOCKS)

    def _files(self, change: str) -> tuple[FileChange, ...]:
        path = self.managed.edits.path
        return (FileChange(str(path or "the configuration"), change),) if change else ()


def _action(id_: str, title: str, form: type[Any], plan: Any, **more: Any) -> Action:
    """Make an action; what destroys is confirmed by typing what."""
    if more.get("danger"):
        more["confirm"] = Confirm.TYPE
    spec = ActionSpec(id_, title, form, target=more.pop("target", "recipe"), **more)
    return Action(spec, plan)


def _step(title: str, doing: Doing, *, shown_as: str = "") -> Step:
    async def work(work: Work) -> Mapping[str, Any]:
        result = await doing()
        work.log(f"{title}: done")
        return result

    return Step(title, work=work, timeout_seconds=60.0, shown_as=shown_as)
