"""Managed models: entries of the configuration that are made from recipes. Create, change, delete, follow the recipe.

Every change is one line-precise edit of the file. Looking changes nothing: a model whose recipe cannot be found is
shown as an orphan, and goes only when somebody says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, evolve, frozen

from swaplab_core.domain.errors import ClientError, InvalidForm, InvalidRequest, NotThere
from swaplab_core.domain.recipe import Mode, Recipe, RecipeSettings
from swaplab_core.plugin.lab import ConfigEdits, groups_of
from swaplab_core.plugin.recipe_runner import nodes_misfit
from swaplab_core.services.recipes.catalogue import Entry, RecipeCatalogue, recipe_driver
from swaplab_core.services.recipes.managed_entry import (
    DEFAULT_GROUP,
    DOCKER_ARGS_MACRO,
    ManagedModel,
    Wanted,
    group_of_node,
    is_family,
    read_models,
    uses,
    write_entry,
)
from swaplab_core.services.recipes.managed_request import ModelRequest, settings_for
from swaplab_core.services.recipes.world import RecipeWorld

AUTHOR = "recipes"


@frozen
class Managed:
    """A model and its recipe; None for an orphan. `why` says what is wrong with its reference."""

    model: ManagedModel
    recipe: Entry | None
    why: str = ""


@define(eq=False)
class ManagedModels:
    """The use cases."""

    world: RecipeWorld
    edits: ConfigEdits

    # looking

    def models(self) -> dict[str, ManagedModel]:
        """The managed models, as the file has them."""
        return read_models(self.edits.models(), self.edits.groups())

    def all(self, catalogue: RecipeCatalogue) -> list[Managed]:
        """The managed models with their recipes, by id."""
        return [_with_recipe(model, catalogue) for _, model in sorted(self.models().items())]

    def recipe_of(self, model: str, catalogue: RecipeCatalogue) -> Entry:
        """Return the recipe that a model is made of. Raises NotThere, and InvalidRequest when it is ambiguous."""
        known = self.models().get(model)
        if known is None or not known.settings.recipe:
            raise NotThere(f"{model!r} is made of no recipe")
        return catalogue.find(known.settings.recipe, backend_dir=known.settings.backend_dir)

    def users_of(self, entry: Entry) -> list[str]:
        """The models that use a recipe, sorted."""
        names = (str(entry.id), str(entry.id.path), entry.id.ref, entry.ref, entry.id.stem)
        found = (name for name, model in self.models().items() if _is_used_by(entry, model, names))
        return sorted(found)

    # changing

    async def upsert(self, request: ModelRequest) -> tuple[str, str]:
        """Create or change a model; answers its id and the new revision of the file."""
        wanted = await self._asked(request)
        reason = f"{request.model} from recipe {wanted.settings.recipe}"
        revision = await self.edits.apply(self._writing({request.model: wanted}), author=AUTHOR, reason=reason)
        return request.model, revision

    async def upsert_difference(self, request: ModelRequest) -> str:
        """What `upsert` would write, as a unified diff."""
        return await self.edits.difference(self._writing({request.model: await self._asked(request)}))

    async def sync_defaults(self, reference: str) -> tuple[Entry, list[str]]:
        """Let the models of a recipe follow its defaults again, in one revision."""
        entry, wanted = await self._following(reference)
        if wanted:
            names = ", ".join(wanted)
            await self.edits.apply(
                self._writing(wanted), author=AUTHOR, reason=f"{names} follow the defaults of {entry.ref}"
            )
        return entry, list(wanted)

    async def sync_difference(self, reference: str) -> tuple[list[str], str]:
        """Which models `sync_defaults` would change, and what it would write, as a unified diff."""
        _, wanted = await self._following(reference)
        return list(wanted), await self.edits.difference(self._writing(wanted)) if wanted else ""

    async def delete(self, model: str) -> str:
        """Remove a model, managed or not; answers the new revision. Raises NotThere."""
        if model not in self.edits.models():
            raise NotThere(f"model {model} not found")
        return await self.edits.delete_models([model], author=AUTHOR, reason=f"deleted {model}")

    async def purge(self, models: Sequence[str], reason: str) -> str:
        """Remove several models in one revision; answers it, "" when there was nothing to remove."""
        if not models:
            return ""
        return await self.edits.delete_models(list(models), author=AUTHOR, reason=reason)

    async def prune(self, *, dry_run: bool) -> list[str]:
        """Remove the orphans, or only say which they are."""
        catalogue = await self.world.look()
        orphans = [managed.model.id for managed in self.all(catalogue) if managed.recipe is None]
        if not dry_run:
            await self.purge(orphans, "pruned models without a recipe")
        return orphans

    # deciding

    async def _asked(self, request: ModelRequest) -> Wanted:
        catalogue = await self.world.look()
        before = self.models().get(request.model)
        return self._wanted(request, self._recipe(request, before, catalogue), before)

    async def _following(self, reference: str) -> tuple[Entry, dict[str, Wanted]]:
        """The models of a recipe as they are with its defaults."""
        entry = (await self.world.look()).find(reference)
        recipe, models = _usable(entry), self.models()
        wanted: dict[str, Wanted] = {}
        for name in self.users_of(entry):
            settings = self._as_the_recipe(models[name].settings, recipe, entry)
            wanted[name] = Wanted(entry.driver, self.settled(name, settings, entry), node=_node(settings))
        return entry, wanted

    def _recipe(self, request: ModelRequest, before: ManagedModel | None, catalogue: RecipeCatalogue) -> Entry:
        reference = request.text("recipeRef") or (before.settings.recipe if before else "")
        if not reference:
            raise InvalidRequest("recipeRef is required", advice="name a recipe of GET /api/recipes/state")
        backend_dir = before.settings.backend_dir if before else None
        return catalogue.find(reference, backend_dir=backend_dir)

    def _wanted(self, request: ModelRequest, entry: Entry, before: ManagedModel | None) -> Wanted:
        recipe = _usable(entry)
        settings = self.settings(request, entry, before)
        is_new = before is None
        return Wanted(
            entry.driver,
            settings,
            name=_or(request.text("name"), request.model if is_new else None),
            description=_or(request.text("description"), recipe.description if is_new else None),
            aliases=_or(request.aliases(), _default_aliases(recipe) if is_new else None),
            use_model_name=_or(request.text("useModelName"), recipe.model if is_new else None),
            unlisted=_or(request.flag("unlisted"), False if is_new else None),
            trust_remote_code=request.flag("benchyTrustRemoteCode"),
            node=_node(settings),
            options=request.options(),
        )

    def settings(self, request: ModelRequest, entry: Entry, before: ManagedModel | None) -> RecipeSettings:
        """The settings that a request comes to. Raises InvalidRequest when they cannot run."""
        recipe = _usable(entry)
        settings = settings_for(request, recipe, entry.ref, before.settings if before else None)
        _refuse_ignoring(settings.nodes, entry, recipe, request.text("mode") or "")
        return self.settled(request.model, _placed(settings, recipe), entry)

    def settled(self, model: str, settings: RecipeSettings, entry: Entry) -> RecipeSettings:
        """Complete settings: nodes, group, what the engine adds. Raises InvalidRequest when they cannot run."""
        recipe = _usable(entry)
        if recipe.solo_only and settings.mode is Mode.CLUSTER:
            raise InvalidRequest(
                f"recipe {entry.ref} is solo_only and cannot run in cluster mode", advice="use mode solo"
            )
        if recipe.cluster_only and settings.mode is Mode.SOLO:
            raise InvalidRequest(f"recipe {entry.ref} is cluster_only and cannot run solo", advice="use mode cluster")
        if settings.mode is Mode.CLUSTER and not settings.nodes:
            settings = evolve(settings, nodes=(self._nodes_macro(entry),))
        if misfit := nodes_misfit(recipe, settings):
            raise InvalidRequest(f"recipe {entry.ref} {misfit}", advice="name as many nodes, the head first")
        group = settings.group or DEFAULT_GROUP
        if is_family(group):
            group = group_of_node(settings.nodes[0]) if _node(settings) else DEFAULT_GROUP
        driver = recipe_driver(self.world.drivers, entry.driver)
        assert driver is not None, "a usable recipe has a driver"
        own = settings.extra_docker_args or self._old_docker_args(model)
        is_folder = entry.folder.is_valid
        settings = evolve(
            settings, group=group, extra_docker_args=own, backend_dir=entry.folder.path if is_folder else None
        )
        settings = driver.settle(recipe, settings)
        return evolve(settings, cache_policy=settings.cache_policy and DOCKER_ARGS_MACRO not in own)

    def _nodes_macro(self, entry: Entry) -> str:
        """The first macro of the file that names the nodes of such a backend."""
        driver = recipe_driver(self.world.drivers, entry.driver)
        macros = self.edits.macros()
        for name in driver.node_macros if driver is not None else ():
            if macros.get(name):
                return f"${{{name}}}"
        raise InvalidRequest(
            "nodes is required for cluster mode (backend nodes macro not found)",
            advice="name the nodes, the head first, or define a macro such as vllm_nodes",
        )

    def _old_docker_args(self, model: str) -> tuple[str, ...]:
        """The macro that an older entry gave to its containers, kept when the entry is written anew."""
        entry = self.edits.models().get(model, {})
        used = DOCKER_ARGS_MACRO in str(entry.get("cmd") or "")
        return (DOCKER_ARGS_MACRO,) if used and DOCKER_ARGS_MACRO[2:-1] in self.edits.macros() else ()

    def _as_the_recipe(self, settings: RecipeSettings, recipe: Recipe, entry: Entry) -> RecipeSettings:
        """Take the recipe's defaults; a model that grows over one node goes to the cluster's nodes."""
        tensor = recipe.tensor_parallel
        settings = evolve(settings, tensor_parallel=tensor, container_image="")
        if tensor <= 1:
            return settings
        grown = settings.mode is Mode.SOLO or settings.tensor_parallel <= 1 or len(settings.nodes) <= 1
        nodes = (self._nodes_macro(entry),) if grown else settings.nodes
        return evolve(settings, mode=Mode.CLUSTER, nodes=nodes)

    # writing

    def _writing(self, wanted: Mapping[str, Wanted]) -> Callable[[dict[str, Any]], None]:
        """The change of the file that makes these entries."""
        root = str(self.edits.path.resolve().parent) if self.edits.path is not None else ""

        def change(document: dict[str, Any]) -> None:
            models = document.get("models")
            models = dict(models) if isinstance(models, Mapping) else {}
            for model, entry in wanted.items():
                old = models.get(model)
                models[model] = write_entry(old if isinstance(old, Mapping) else {}, entry)
            document["models"] = models
            document["macros"] = {**portable_macros(root), **(document.get("macros") or {})}
            for model, entry in wanted.items():
                _join_group(document, model, entry.settings.group)

        return change


def portable_macros(root: str) -> dict[str, str]:
    """Macros that older entries and scripts expect, whatever their order; those of the file win."""
    return {
        "user_home": "${env.HOME}",
        "spark_root": root,
        "llama_root": "${spark_root}",
        "recipe_runner": "${spark_root}/run-recipe.sh",
    }


def _join_group(document: dict[str, Any], model: str, group: str) -> None:
    """Make it a member of this group alone; groups that this leaves without members go, unless they say more."""
    groups = groups_of(document)
    for name in list(groups):
        entry = groups[name]
        members = entry.get("members") if isinstance(entry, dict) else None
        if name == group or not isinstance(members, list) or model not in members:
            continue
        entry["members"] = [member for member in members if member != model]
        if not entry["members"] and is_family(name):
            del groups[name]
    home = groups.setdefault(group, {"swap": True, "exclusive": False, "members": []})
    if model not in (home.get("members") or []):
        home["members"] = [*(home.get("members") or []), model]


def _with_recipe(model: ManagedModel, catalogue: RecipeCatalogue) -> Managed:
    if not model.settings.recipe:
        return Managed(model, None, "it names no recipe")
    try:
        return Managed(model, catalogue.find(model.settings.recipe, backend_dir=model.settings.backend_dir))
    except ClientError as error:
        return Managed(model, None, str(error))


def _is_used_by(entry: Entry, model: ManagedModel, names: Sequence[str]) -> bool:
    folder = model.settings.backend_dir
    if folder is not None and entry.folder.is_valid and Path(folder) != Path(entry.folder.path):
        return False
    return uses(model, entry.ref, entry.id.stem, names)


def _usable(entry: Entry) -> Recipe:
    """Return what a recipe says. Raises InvalidRequest when it cannot be used."""
    if entry.recipe is None or entry.errors:
        problem = next(iter(entry.errors), None)
        raise InvalidRequest(f"recipe {entry.id.stem} cannot be used: {problem}", advice="mend it on the Recipes page")
    return entry.recipe


def _refuse_ignoring(nodes: Sequence[str], entry: Entry, recipe: Recipe, mode: str) -> None:
    """No node that somebody names is left out without a word. Raises InvalidRequest."""
    if len(nodes) <= 1:
        return
    if recipe.solo_only:
        raise InvalidForm(
            [("/nodes", f"recipe {entry.ref} is solo_only and cannot run on {len(nodes)} nodes: name one")]
        )
    if mode == Mode.SOLO.value:
        message = f"{len(nodes)} nodes run as a cluster, not solo: choose one node, or mode cluster"
        raise InvalidForm([("/mode", message)])


def _placed(settings: RecipeSettings, recipe: Recipe) -> RecipeSettings:
    """One node is solo on that node; several are a cluster; a model that is split needs several."""
    if len(settings.nodes) == 1 and settings.tensor_parallel <= 1 and not settings.nodes[0].startswith("${"):
        return settings if recipe.cluster_only else evolve(settings, mode=Mode.SOLO)
    if len(settings.nodes) > 1 and settings.mode is Mode.SOLO and not recipe.solo_only:
        return evolve(settings, mode=Mode.CLUSTER)
    return settings


def _node(settings: RecipeSettings) -> str:
    """The one other machine that a model is pinned to, "" for none."""
    is_pinned = settings.mode is Mode.SOLO and len(settings.nodes) == 1
    return settings.nodes[0] if is_pinned and settings.nodes[0] not in _THIS else ""


_THIS = frozenset({"local", "localhost", "127.0.0.1", "::1"})


def _default_aliases(recipe: Recipe) -> tuple[str, ...]:
    """The models of a router are asked for by their own names."""
    return recipe.serves


def _or(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given
