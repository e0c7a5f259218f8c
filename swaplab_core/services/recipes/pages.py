"""Recipes and backends in the UI: entries of the side bar and views. What can be done there is in `actions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define

from swaplab_core.domain.view import NavEntry, Panels, View
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.hooks import hookimpl
from swaplab_core.services.recipes.actions import (
    CATALOGUE_ROUTE,
    MODEL_ROWS,
    RECIPE_ROUTE,
    RECIPE_ROWS,
    RecipeActions,
)

_NO_RECIPES = "No recipes yet. Put some into ./recipes beside the configuration, or name your folder in recipes.folders"
_NO_BACKENDS = "No backend folders yet. Put one into ./backend beside the configuration, or name it in recipes.backends"
_NO_MODELS = "No model is made of a recipe yet: choose “Make a model” beside a recipe"
BACKENDS_ROUTE, NEW_ROUTE = "/x/recipes/backends", "/x/recipes/new"
_JOBS = "job.updated"

_COLUMNS = (
    {"id": "name", "title": "Name", "type": "link"},
    {"id": "backend", "title": "Backend"},
    {"id": "relativePath", "title": "File", "type": "code"},
    {"id": "model", "title": "Model", "type": "code"},
    {"id": "state", "title": "State", "type": "badge"},
    {"id": "problem", "title": "Problem"},
    {"id": "users", "title": "Used by"},
)
_MODEL_COLUMNS = (
    {"id": "model", "title": "Model", "type": "link"},
    {"id": "recipe", "title": "Recipe", "type": "link"},
    {"id": "mode", "title": "Mode"},
    {"id": "tensorParallel", "title": "Tensor parallel", "type": "number"},
    {"id": "nodes", "title": "Nodes"},
    {"id": "containerImage", "title": "Image", "type": "code"},
    {"id": "group", "title": "Group"},
    {"id": "state", "title": "State", "type": "badge"},
    {"id": "problem", "title": "Problem"},
)


@define(eq=False)
class RecipePages:
    """The hooks of the Recipes and Backends pages."""

    actions: RecipeActions

    @hookimpl
    def swaplab_panels(self) -> Iterable[Panels]:
        """The catalogue, a page for each recipe and for a new one, the backends; a tab where a model has a recipe."""
        nav = (
            NavEntry("catalogue", "Recipes", CATALOGUE_ROUTE, icon="book-open", section="library", order=10),
            NavEntry("backends", "Backends", BACKENDS_ROUTE, icon="server", section="library", order=20),
        )
        views = (_catalogue(), _models(), _recipe(), _new(), _backends(), _of_model())
        return [Panels(nav=nav, views=views)]

    @hookimpl
    def swaplab_actions(self) -> Iterable[Action]:
        """What can be done with recipes and with the models made of them."""
        return self.actions.all()


def _catalogue() -> View:
    props: Mapping[str, Any] = {
        "columns": list(_COLUMNS),
        "filters": ["backend", "state"],
        "search": True,
        "row_actions": RECIPE_ROWS,
        "empty": _NO_RECIPES,
        "links": [{"href": f"#{NEW_ROUTE}", "title": "New recipe", "icon": "plus"}],
    }
    return View(
        "catalogue",
        "page",
        "Recipes",
        "table",
        "api/recipes/table",
        _JOBS,
        props=props,
        route=CATALOGUE_ROUTE,
        order=10,
    )


def _models() -> View:
    props = {"columns": list(_MODEL_COLUMNS), "row_actions": MODEL_ROWS, "empty": _NO_MODELS}
    title, source = "Models made of recipes", "api/recipes/managed"
    return View("managed", "page", title, "table", source, _JOBS, props=props, route=CATALOGUE_ROUTE, order=20)


def _recipe() -> View:
    """One recipe: its text, its values, what it changes, who uses it."""
    text = {
        "save": "api/recipes/source",
        "check": "api/recipes/source/validate",
        "schema": "api/recipes/schema?format={format}",
        "body": {"recipeRef": "{recipe}"},
        "language": "yaml",
    }
    form = {"schema": {"$ref": "api/recipes/form/schema?recipeRef={recipe}"}}
    reference = "recipeRef={recipe}"
    children = [
        _child("text", "Text", "document", f"api/recipes/source?{reference}", text),
        _child("form", "Values", "form", f"api/recipes/form?{reference}", form),
        _child("copy", "Against the original", "diff", f"api/recipes/source/diff?{reference}"),
        _child("git", "Against git", "diff", f"api/recipes/source/diff?{reference}&against=git"),
        _child(
            "users", "Used by", "table", f"api/recipes/managed?{reference}",
            {"columns": list(_MODEL_COLUMNS), "row_actions": MODEL_ROWS, "empty": _NO_MODELS},
        ),
    ]  # fmt: skip
    props = {"children": children, "subtitle": "{recipe}", "back": {"href": f"#{CATALOGUE_ROUTE}", "title": "Recipes"}}
    return View("recipe", "page", "Recipe", "tabs", props=props, route=RECIPE_ROUTE)


def _child(id_: str, title: str, kind: str, source: str, props: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    return {"id": id_, "title": title, "kind": kind, "source": source, "props": dict(props or {})}


def _new() -> View:
    props = {"back": {"href": f"#{CATALOGUE_ROUTE}", "title": "Recipes"}}
    return View("new", "page", "New recipe", "wizard", "api/recipes/wizard", props=props, route=NEW_ROUTE)


def _backends() -> View:
    props = {"empty": _NO_BACKENDS}
    return View("backends", "page", "Backends", "cards", "api/recipes/cards", _JOBS, props=props, route=BACKENDS_ROUTE)


def _of_model() -> View:
    """The recipe of a model, on the model's page: how the model uses it, what it says, and what of that is yours."""
    children = [
        {
            "id": "use", "title": "Made of", "kind": "table",
            "source": {"get": "api/recipes/managed?model={model}", "refresh": {"event": "config.changed"}},
            "props": {"columns": list(_MODEL_COLUMNS[1:]), "row_actions": MODEL_ROWS},
        },
        {
            "id": "source", "title": "Its text", "kind": "code",
            "source": {"get": "api/recipes/source?model={model}", "refresh": {"event": "config.changed"}},
            "props": {"key": "content"},
        },
        {
            "id": "diff", "title": "Against the original", "kind": "diff",
            "source": {"get": "api/recipes/source/diff?model={model}"},
        },
    ]  # fmt: skip
    props = {"min_width": "60rem", "children": children}
    return View("of_model", "model.tabs", "Recipe", "grid", only={"recipe": ("*",)}, order=10, props=props)
