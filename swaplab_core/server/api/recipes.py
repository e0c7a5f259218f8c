"""Recipes and the models made of them: the routes of the Recipe Manager, and what they lacked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar

from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import ClientError, InvalidRequest
from swaplab_core.domain.recipe import CachedWeights, RecipeSettings
from swaplab_core.plugin.forms import form_schema, read_form
from swaplab_core.server.api.models import json_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.errors import ErrorShape
from swaplab_core.server.ops_errors import ops_error
from swaplab_core.server.route import Endpoint, delete, get, post, put
from swaplab_core.server.shapes.recipes import (
    model_shape,
    offer_shape,
    preview_shape,
    recipe_shape,
    source_shape,
    trial_shape,
)
from swaplab_core.services.recipes.catalogue import Entry
from swaplab_core.services.recipes.files import Recipes
from swaplab_core.services.recipes.managed_models import ManagedModels
from swaplab_core.services.recipes.managed_request import any_bool, read_request
from swaplab_core.services.recipes.offers import offers
from swaplab_core.services.recipes.trial import Trials


@define(eq=False)
class RecipeRoutes:
    """`changed` is told when a recipe file was written or deleted."""

    error_shape: ClassVar[ErrorShape] = staticmethod(ops_error)
    recipes: Recipes
    managed: ManagedModels
    trials: Trials
    changed: Callable[[], Awaitable[None]]

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/recipes/state", Policy.READ, self.state),
            post("/api/recipes/models", Policy.ADMIN, self.upsert),
            delete("/api/recipes/models/{model:.+}", Policy.ADMIN, self.delete_model),
            get("/api/recipes/source", Policy.READ, self.source),
            put("/api/recipes/source", Policy.ADMIN, self.save),
            delete("/api/recipes/source", Policy.ADMIN, self.delete_source),
            post("/api/recipes/source/create", Policy.ADMIN, self.create),
            post("/api/recipes/source/sync-defaults", Policy.ADMIN, self.sync_defaults),
            post("/api/recipes/source/validate", Policy.READ, self.validate),
            get("/api/recipes/source/diff", Policy.READ, self.difference),
            get("/api/recipes/formats", Policy.READ, self.formats),
            post("/api/recipes/preview", Policy.READ, self.preview),
            post("/api/recipes/offers", Policy.READ, self.offers),
            post("/api/recipes/prune", Policy.ADMIN, self.prune),
        ]

    # models

    async def state(self, _: web.Request) -> web.Response:
        """Every recipe with its problems, every managed model, orphans marked; nothing is changed."""
        return json_response(await self._state())

    async def upsert(self, request: web.Request) -> web.Response:
        """Create a managed model, or change the fields that are given; answers the whole state."""
        model, revision = await self.managed.upsert(read_request(await read_object(request)))
        return json_response({**await self._state(), "modelId": model, "revision": revision})

    async def delete_model(self, request: web.Request) -> web.Response:
        """Delete a model; with `cascadeRecipe=true` its recipe and every model made of it, too."""
        model = request.match_info["model"]
        if not _truth(request, "cascadeRecipe"):
            revision = await self.managed.delete(model)
            return json_response({**await self._state(), "revision": revision})
        return json_response(await self._cascade(model))

    async def _cascade(self, model: str) -> dict[str, Any]:
        known = self.managed.models().get(model)
        answer: dict[str, Any] = {"deletedModelId": model, "cascadeRecipe": True}
        if known is None or not known.settings.managed or not known.settings.recipe:
            await self.managed.delete(model)
            return {**answer, "purgedModelIds": [model], "state": await self._state()}
        catalogue = await self.recipes.world.look()
        try:
            entry = catalogue.find(known.settings.recipe, backend_dir=known.settings.backend_dir)
        except ClientError as error:  # nobody can say whose recipe it is, so nothing but the model goes
            await self.managed.delete(model)
            return {**answer, "note": error.message, "purgedModelIds": [model], "state": await self._state()}
        purged = sorted({model, *self.managed.users_of(entry)})
        if entry.is_users:
            await self.recipes.delete(entry)
            answer |= {"deletedRecipeRef": entry.ref, "deletedRecipePath": str(entry.file.path)}
        else:
            answer["note"] = f"{entry.id} belongs to its backend's folder and was kept"
        await self.managed.purge(purged, f"deleted {model} and its recipe")
        await self.changed()
        return {**answer, "purgedModelIds": purged, "state": await self._state()}

    async def prune(self, request: web.Request) -> web.Response:
        """Remove models whose recipe cannot be found; `{"dryRun": true}`, the default, only names them."""
        body = await read_object(request)
        dry_run = any_bool(body.get("dryRun", True), "dryRun")
        pruned = await self.managed.prune(dry_run=dry_run)
        return json_response({"dryRun": dry_run, "modelIds": pruned, "state": await self._state()})

    # recipe files

    async def source(self, request: web.Request) -> web.Response:
        """The text of one recipe, of the one that a `model` is made of, or of the first one."""
        return json_response(source_shape(await self._entry(request)))

    async def _entry(self, request: web.Request) -> Entry:
        if model := request.query.get("model", ""):
            return self.managed.recipe_of(model, await self.recipes.world.look())
        return await self.recipes.get(request.query.get("recipeRef", ""))

    async def save(self, request: web.Request) -> web.Response:
        """Save a recipe; a backend's own becomes one of the user's. A `revision` that is not the newest is refused."""
        body = await read_object(request)
        reference, content = _text(body, "recipeRef"), _text(body, "content")
        revision = body.get("revision") or request.headers.get("If-Match", "").strip('"') or None
        entry = await self.recipes.save(reference, content, revision)
        await self.changed()
        return json_response(source_shape(entry))

    async def create(self, request: web.Request) -> web.Response:
        """Write a new recipe into the user's folder."""
        body = await read_object(request)
        overwrite = any_bool(body.get("overwrite", False), "overwrite")
        entry = await self.recipes.create(_text(body, "recipeRef"), _text(body, "content"), overwrite=overwrite)
        await self.changed()
        return json_response(source_shape(entry))

    async def delete_source(self, request: web.Request) -> web.Response:
        """Delete a recipe of the user's; with `purgeManaged=true` the models made of it, too."""
        reference = request.query.get("recipeRef", "").strip()
        if not reference:
            raise InvalidRequest("recipeRef is required")
        entry = await self.recipes.get(reference)
        purged = self.managed.users_of(entry) if _truth(request, "purgeManaged") else []
        await self.recipes.delete(entry)
        await self.managed.purge(purged, f"deleted recipe {entry.ref}")
        await self.changed()
        answer = {"deletedRecipeRef": entry.ref, "deletedRecipePath": str(entry.file.path), "purgedModelIds": purged}
        return json_response({**answer, "state": await self._state()})

    async def sync_defaults(self, request: web.Request) -> web.Response:
        """Let the models of a recipe follow its defaults."""
        entry, updated = await self.managed.sync_defaults(_text(await read_object(request), "recipeRef"))
        return json_response({"recipeRef": entry.ref, "updatedModelIds": updated, "state": await self._state()})

    async def validate(self, request: web.Request) -> web.Response:
        """What is wrong with `{"content", "recipeRef"}`; nothing is written."""
        body = await read_object(request)
        name = str(body.get("path") or "recipe.yaml")
        path = PurePosixPath(name if PurePosixPath(name).suffix else f"{name}.yaml")
        trial = await self.trials.of_text(str(body.get("content") or ""), path, str(body.get("recipeRef") or ""))
        return json_response(trial_shape(trial))

    async def difference(self, request: web.Request) -> web.Response:
        """What a recipe changes, as a unified diff: of the backend's own, or with `against=git` of the last commit."""
        entry = await self._entry(request)
        if request.query.get("against") == "git":
            return json_response({"recipeRef": entry.ref, "diff": await self.recipes.since_commit(entry)})
        catalogue = await self.recipes.world.look()
        return json_response({"recipeRef": entry.ref, "diff": self.recipes.difference(catalogue, entry)})

    async def formats(self, _: web.Request) -> web.Response:
        """The formats of recipes that are understood, each with a template for a new one."""
        parsers = self.recipes.world.parsers
        shown = [
            {"id": name, "title": parser.title, "suffixes": list(parser.suffixes), "template": parser.template()}
            for name, parser in parsers.items()
        ]
        choices = [{"id": name, "title": parser.title} for name, parser in parsers.items()]
        return json_response({"formats": shown, "items": choices})

    async def preview(self, request: web.Request) -> web.Response:
        """What a recipe would run with these settings (the fields of POST /api/recipes/models); nothing is run."""
        body = await read_object(request)
        settings, preview = await self.trials.of_model(_text(body, "recipeRef"), body)
        return json_response({"settings": _settings_shape(settings), **preview_shape(preview)})

    async def offers(self, request: web.Request) -> web.Response:
        """Recipes that backends would write for cached weights, `{"model", "format"}`; nothing is written."""
        body = await read_object(request)
        weights, problems = read_form(CachedWeights, dict(body))
        if weights is None:
            raise InvalidRequest(f"{problems[0].path.lstrip('/') or 'the body'}: {problems[0].message}")
        world = self.recipes.world
        found = offers(weights, await world.look(), world.drivers, world.parsers)
        return json_response({"offers": [offer_shape(each, world.drivers) for each in found]})

    async def _state(self) -> dict[str, Any]:
        catalogue = await self.recipes.world.look()
        drivers = self.recipes.world.drivers
        edits = self.managed.edits
        users = {str(entry.file.path): self.managed.users_of(entry) for entry in catalogue.entries}
        shapes = [recipe_shape(entry, drivers, users[str(entry.file.path)]) for entry in catalogue.entries]
        options = {
            name: form_schema(drivers[name].options) for name in sorted({e.driver for e in catalogue.entries} - {""})
        }
        return {
            "configPath": str(edits.path or ""),
            "backendDir": str(catalogue.primary),
            "backendKind": "mixed",
            "recipes": sorted(shapes, key=lambda shape: (shape["id"], shape["identity"])),
            "models": [model_shape(managed) for managed in self.managed.all(catalogue)],
            "groups": sorted(edits.groups()),
            "backends": [state.id for state in catalogue.backends],
            "options": options,
        }


def _settings_shape(settings: RecipeSettings) -> dict[str, Any]:
    return {
        "mode": settings.mode.value,
        "tensorParallel": settings.tensor_parallel,
        "nodes": ",".join(settings.nodes),
        "group": settings.group,
        "containerImage": settings.container_image,
        "extraArgsList": list(settings.extra_args),
    }


async def read_object(request: web.Request) -> Mapping[str, Any]:
    """Read the JSON object of a request, whatever its Content-Type says; an empty body is an empty one."""
    raw = await read_body(request)
    if not raw.strip():
        return {}
    try:
        return parse_object(raw)
    except InvalidRequest as error:
        raise InvalidRequest("invalid JSON body", advice=error.message) from None


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(f"{key} is required")
    return value if key == "content" else value.strip()


def _truth(request: web.Request, key: str) -> bool:
    return any_bool(request.query.get(key, ""), key)
