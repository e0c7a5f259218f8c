"""What the Recipes pages ask beyond the routes of older clients: rows, schemas, values as a form, the wizard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import NotThere
from swaplab_core.plugin.recipe_schema import with_choices
from swaplab_core.server.api.models import json_response
from swaplab_core.server.api.recipes import read_object
from swaplab_core.server.errors import ErrorShape
from swaplab_core.server.ops_errors import ops_error
from swaplab_core.server.route import Endpoint, get, post, put
from swaplab_core.server.shapes.recipes import managed_row, model_shape, recipe_row, recipe_shape
from swaplab_core.services.recipes.files import Recipes
from swaplab_core.services.recipes.managed_models import ManagedModels
from swaplab_core.services.recipes.values import RecipeValues
from swaplab_core.services.recipes.wizard import RecipeWizard


@define(eq=False)
class RecipePageRoutes:
    """`changed` is told when a recipe file was written."""

    error_shape: ClassVar[ErrorShape] = staticmethod(ops_error)
    recipes: Recipes
    managed: ManagedModels
    values: RecipeValues
    wizard: RecipeWizard
    changed: Callable[[], Awaitable[None]]

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/recipes/table", Policy.READ, self.table),
            get("/api/recipes/managed", Policy.READ, self.managed_table),
            get("/api/recipes/schema", Policy.READ, self.schema),
            get("/api/recipes/form", Policy.READ, self.form),
            put("/api/recipes/form", Policy.ADMIN, self.save_form),
            get("/api/recipes/form/schema", Policy.READ, self.form_schema),
            post("/api/recipes/wizard", Policy.ADMIN, self.step),
        ]

    async def table(self, _: web.Request) -> web.Response:
        """The catalogue as the rows of a table."""
        catalogue = await self.recipes.world.look()
        drivers = self.recipes.world.drivers
        shapes = [recipe_shape(entry, drivers, self.managed.users_of(entry)) for entry in catalogue.entries]
        shapes.sort(key=lambda shape: (shape["id"], shape["identity"]))
        return json_response({"items": [recipe_row(shape) for shape in shapes]})

    async def managed_table(self, request: web.Request) -> web.Response:
        """The models made of recipes as the rows of a table; of one recipe with `recipeRef`, or one `model`."""
        catalogue = await self.recipes.world.look()
        reference = request.query.get("recipeRef", "").strip()
        wanted = None if not reference else set(self.managed.users_of(catalogue.find(reference)))
        if model := request.query.get("model", ""):
            wanted = {model}
        shapes = [model_shape(managed) for managed in self.managed.all(catalogue)]
        rows = [managed_row(shape) for shape in shapes if wanted is None or shape["modelId"] in wanted]
        return json_response({"items": rows})

    async def schema(self, request: web.Request) -> web.Response:
        """What may stand in a recipe of a `format`, as JSON Schema, for completion; `{}` where nothing is known."""
        parser = self.recipes.world.parsers.get(request.query.get("format", ""))
        if parser is None:
            raise NotThere("there is no such format of recipes", advice="see GET /api/recipes/formats")
        catalogue = await self.recipes.world.look()
        return json_response(with_choices(parser.schema(), "backend", tuple(state.id for state in catalogue.backends)))

    async def form(self, request: web.Request) -> web.Response:
        """The plain values of a recipe; its ETag is the revision."""
        values, revision = await self.values.read(_reference(request))
        return _with_revision({"values": values}, revision)

    async def save_form(self, request: web.Request) -> web.Response:
        """Write plain values into a recipe, line by line. An `If-Match` that is not the newest is refused."""
        revision = request.headers.get("If-Match", "").strip('"') or None
        entry = await self.values.write(_reference(request), await read_object(request), revision)
        await self.changed()
        values, revision = await self.values.read(str(entry.id))
        return _with_revision({"values": values}, revision)

    async def form_schema(self, request: web.Request) -> web.Response:
        """The form of a recipe's plain values."""
        return json_response(await self.values.schema(_reference(request)))

    async def step(self, request: web.Request) -> web.Response:
        """One step of making a new recipe."""
        body = await read_object(request)
        answer = await self.wizard.step(body.get("input"), body.get("state"))
        if recipe := answer.pop("recipe", ""):
            await self.changed()
            answer["to"] = {"path": "/x/recipes/recipe", "query": {"recipe": recipe}}
        return json_response(answer)


def _reference(request: web.Request) -> str:
    return request.query.get("recipeRef", "")


def _with_revision(shape: Any, revision: str) -> web.Response:
    response = json_response(shape)
    response.headers["ETag"] = f'"{revision}"'
    return response
