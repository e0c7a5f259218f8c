"""Recipes and backends in the UI: entries of the side bar, views, and making a model of a recipe as an action."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from attrs import define, frozen

from swaplab_core.domain.action import ActionSpec
from swaplab_core.domain.plan import Plan, Step, Work
from swaplab_core.domain.recipe_settings import split_args
from swaplab_core.domain.view import NavEntry, Panels, View
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.forms import form_field
from swaplab_core.plugin.hooks import hookimpl
from swaplab_core.services.managed_models import ManagedModels
from swaplab_core.services.managed_request import read_request, settings_for
from swaplab_core.services.recipes import Recipes

ROW_SLOT = "recipes.row.actions"
_NO_RECIPES = "No recipes yet. Put some into ./recipes beside the configuration, or name your folder in recipes.folders"
_NO_BACKENDS = "No backend folders yet. Put one into ./backend beside the configuration, or name it in recipes.backends"
RECIPES_ROUTE, BACKENDS_ROUTE = "/x/recipes/catalogue", "/x/recipes/backends"
PREVIEW_PORT = 8000

_OF_MODEL = (
    {
        "id": "source", "title": "Its text", "kind": "code",
        "source": {"get": "api/recipes/source?recipeRef={recipe}", "refresh": {"event": "config.changed"}},
        "props": {"key": "content"},
    },
    {
        "id": "diff", "title": "Changes against its repository", "kind": "diff",
        "source": {"get": "api/recipes/source/diff?recipeRef={recipe}"},
    },
)  # fmt: skip
_COLUMNS = (
    {"id": "name", "title": "Name"},
    {"id": "identity", "title": "Recipe", "type": "code"},
    {"id": "engine", "title": "Engine"},
    {"id": "model", "title": "Model", "type": "code"},
    {"id": "containerImage", "title": "Image", "type": "code"},
    {"id": "state", "title": "State", "type": "badge"},
    {"id": "problem", "title": "Problem"},
    {"id": "users", "title": "Used by"},
)


@frozen
class ModelForm:
    """A model that is made of a recipe; what is left empty follows the recipe."""

    model_id: str = form_field("Model", help="the name that clients use")
    mode: Literal["", "solo", "cluster"] = form_field("Mode", "", help="empty: as the recipe wants it")
    nodes: str = form_field("Nodes", "", help="for a cluster: with commas, the head first; one node: it runs there")
    tensor_parallel: int = form_field("Tensor parallel", 0, minimum=0, help="0: as the recipe says")
    container_image: str = form_field("Image", "", help="another one than the recipe's", advanced=True)
    extra_args: str = form_field(
        "More arguments", "", help="for the engine, as a shell would split them", advanced=True
    )
    group: str = form_field("Group", "", help="models of one group run one at a time", advanced=True)

    def request(self, recipe: str) -> dict[str, Any]:
        """Write it as the body of POST /api/recipes/models; empty fields are left out."""
        named = {
            "modelId": self.model_id, "mode": self.mode, "nodes": self.nodes, "tensorParallel": self.tensor_parallel,
            "containerImage": self.container_image, "extraArgs": list(split_args(self.extra_args)), "group": self.group,
        }  # fmt: skip
        return {"recipeRef": recipe, **{key: value for key, value in named.items() if value}}


@define(eq=False)
class RecipePages:
    """The hooks of the Recipes and Backends pages."""

    recipes: Recipes
    managed: ManagedModels

    @hookimpl
    def swaplab_panels(self) -> Iterable[Panels]:
        """Two pages, the catalogue and a card for each backend, and a tab on the pages of models that have a recipe."""
        table = View(
            "catalogue", "page", "Recipes", "table", source="api/recipes/table", route=RECIPES_ROUTE,
            refresh_event="config",
            props={"columns": list(_COLUMNS), "row_actions": ROW_SLOT, "empty": _NO_RECIPES},
        )  # fmt: skip
        cards = View(
            "backends", "page", "Backends", "cards", source="api/recipes/cards", route=BACKENDS_ROUTE,
            props={"empty": _NO_BACKENDS},
        )  # fmt: skip
        of_model = View(
            "of_model", "model.tabs", "Recipe", "grid", only={"recipe": ("*",)}, order=10,
            props={"min_width": "30rem", "children": list(_OF_MODEL)},
        )  # fmt: skip
        nav = (
            NavEntry("catalogue", "Recipes", RECIPES_ROUTE, icon="book-open", section="library", order=10),
            NavEntry("backends", "Backends", BACKENDS_ROUTE, icon="server", section="library", order=20),
        )
        return [Panels(nav=nav, views=(table, cards, of_model))]

    @hookimpl
    def swaplab_actions(self) -> Iterable[Action]:
        """Make a model of a recipe."""
        spec = ActionSpec("make_model", "Make a model", ModelForm, icon="plus", slots=(ROW_SLOT,), target="recipe")
        return [Action(spec, self._plan)]

    async def _plan(self, form: ModelForm, target: str) -> Plan:
        request = read_request(form.request(target))
        entry = await self.recipes.get(target)
        shown = await self._shown(form, target)

        async def work(work: Work) -> Mapping[str, Any] | None:
            model, revision = await self.managed.upsert(request)
            work.log(f"{model} is made of {entry.id}")
            return {"model": model, "revision": revision}

        step = Step(f"write {request.model} into the configuration", work=work, timeout_seconds=60.0, shown_as=shown)
        return Plan((step,), frozenset({"config"}), tuple(str(problem) for problem in entry.reading.problems))

    async def _shown(self, form: ModelForm, target: str) -> str:
        """The command that would start the model."""
        request = read_request(form.request(target))
        entry = await self.recipes.get(target)
        if entry.recipe is None or not entry.driver:
            return ""
        settings = self.managed.settled(request.model, settings_for(request, entry.recipe, entry.ref, None), entry)
        options = self.recipes.world.drivers[entry.driver].options()
        preview = await self.recipes.preview(entry, settings, options, model=request.model, port=PREVIEW_PORT)
        return shlex.join(preview.spec.argv)
