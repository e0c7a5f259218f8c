"""A new recipe in two steps: what it begins with, then its text. The steps of the `wizard` kind of view, as values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

from attrs import define, frozen

from swaplab_core.domain.errors import InvalidForm, SwaplabError
from swaplab_core.plugin.forms import Options, form_field, form_schema, read_form
from swaplab_core.services.recipes.files import Recipes, naming_its_backend, relative_path

Json = dict[str, Any]

_HOW = """\
A backend's own recipes are not written to: a new one goes into your recipe folder, and `backend:` says who launches it.
"""


@frozen
class BeginForm:
    """Where a new recipe comes from, and where it goes."""

    name: str = form_field("Name", help="of the file below your recipe folder: team/name", placeholder="team/name")
    begin: Literal["recipe", "template", "text"] = form_field(
        "Begin with", "recipe", help="a recipe that is there, an empty one, or a text or file of yours"
    )
    recipe: str = form_field(
        "Recipe", "", widget="recipe", options=Options("api/recipes/table", value="identity", label="identity"),
        show_if={"/begin": "recipe"},
    )  # fmt: skip
    template: str = form_field(
        "Format", "", options=Options("api/recipes/formats", value="id", label="title"), show_if={"/begin": "template"}
    )


@frozen
class TextForm:
    """The text of the recipe."""

    content: str = form_field("Text", widget="code:yaml")
    overwrite: bool = form_field("Overwrite the recipe of this name", False)


@define(eq=False)
class RecipeWizard:
    """Answers each step with the next; nothing is kept here, the page sends back what the step before has said."""

    recipes: Recipes

    async def step(self, answer: object, state: object) -> Json:
        """The next step. Raises InvalidForm and what `Recipes.create` raises."""
        if answer is None:
            return _form(BeginForm, "Where does it come from?", _HOW, {})
        name = state.get("name") if isinstance(state, Mapping) else None
        if not isinstance(name, str):
            return await self._begun(_read(BeginForm, answer))
        return await self._written(_read(TextForm, answer), name)

    async def _begun(self, form: BeginForm) -> Json:
        try:
            path = relative_path(form.name if form.begin != "template" else self._with_suffix(form))
        except SwaplabError as error:
            raise InvalidForm([("/name", str(error))]) from None
        text = await self._text(form)
        return _form(TextForm, str(path), "", {"name": str(path)}, {"content": text})

    def _with_suffix(self, form: BeginForm) -> str:
        """A format that is not YAML has a suffix of its own."""
        parser = self.recipes.world.parsers.get(form.template)
        is_plain = parser is None or not PurePosixPath(form.name).name or PurePosixPath(form.name).suffix
        return form.name if parser is None or is_plain else f"{form.name}{parser.suffixes[0]}"

    async def _text(self, form: BeginForm) -> str:
        match form.begin:
            case "recipe":
                if not form.recipe:
                    raise InvalidForm([("/recipe", "choose one")])
                entry = await self.recipes.get(form.recipe)
                return naming_its_backend(entry.file.text or "", entry)
            case "template":
                parser = self.recipes.world.parsers.get(form.template)
                if parser is None:
                    raise InvalidForm([("/template", "choose one")])
                return parser.template()
            case "text":
                return ""

    async def _written(self, form: TextForm, name: str) -> Json:
        entry = await self.recipes.create(name, form.content, overwrite=form.overwrite)
        return {"done": f"{entry.id} is there", "recipe": str(entry.id)}


def _read(form: type[Any], data: object) -> Any:
    made, problems = read_form(form, data)
    if problems:
        raise InvalidForm([(problem.path, problem.message) for problem in problems])
    return made


def _form(form: type[Any], title: str, text: str, state: Json, values: Mapping[str, Any] | None = None) -> Json:
    schema = form_schema(form)
    for key, value in (values or {}).items():
        schema["properties"][key] = {**schema["properties"][key], "default": value}
    return {"form": schema, "title": title, "text": text, "state": state}
