"""The connections of what has to do with recipes."""

from __future__ import annotations

import os
from pathlib import Path

from swaplab_core.adapters.addresses import local_addresses
from swaplab_core.adapters.programs import find_program
from swaplab_core.adapters.state_folder import StateFolder
from swaplab_core.app.files import ConfigFiles
from swaplab_core.builtin.checkout_actions import CheckoutActions
from swaplab_core.plugin.abilities import OffersActions
from swaplab_core.runtime.launches import Launches
from swaplab_core.runtime.nodes import Nodes
from swaplab_core.server.application import RecipeParts
from swaplab_core.services.backends.folders import Backends
from swaplab_core.services.backends.hooked_actions import HookedActions
from swaplab_core.services.backends.jobs import PLUGIN as BACKEND_PAGES
from swaplab_core.services.backends.jobs import BackendJobs, BackendPages
from swaplab_core.services.plugins.lab import PluginLab
from swaplab_core.services.recipes.actions import RecipeActions
from swaplab_core.services.recipes.files import Recipes
from swaplab_core.services.recipes.managed_models import ManagedModels
from swaplab_core.services.recipes.pages import RecipePages
from swaplab_core.services.recipes.paths import Surroundings
from swaplab_core.services.recipes.sync import RecipeSync
from swaplab_core.services.recipes.trial import Trials
from swaplab_core.services.recipes.world import RecipeWorld


def recipe_parts(
    files: ConfigFiles, launches: Launches, nodes: Nodes, state: StateFolder, view: PluginLab
) -> RecipeParts:
    """Connect what has to do with recipes; its hooks stand beside those of plugins."""
    folder = files.file.resolve().parent if files.file is not None else files.folder

    def here() -> Surroundings:
        recipes = launches.config.recipes
        return Surroundings(os.environ, Path.home(), Path.cwd(), folder, recipes.backends, recipes.folders)

    world = RecipeWorld(files.catalogue.backends, files.catalogue.parsers, here)
    hooks = files.catalogue.hooks
    common: list[OffersActions] = [CheckoutActions(), HookedActions(hooks, view)]
    backends = Backends(world, view, state.path / "images.json", common, lambda: hooks.images(view))
    world.more = backends.named
    runs = state.below("runs")
    recipes = Recipes(world, find_program, nodes.all, local_addresses, runs, view.run)
    launches.recipe_of = recipes.launch_of
    jobs = BackendJobs(backends)
    hooks.register(BACKEND_PAGES, BackendPages(jobs))
    managed = ManagedModels(world, view.config)
    trials, changed = Trials(recipes, managed), RecipeSync(view, lambda: folder).changed
    hooks.register("recipes", RecipePages(RecipeActions(recipes, managed, trials, changed)))
    return RecipeParts(recipes, managed, jobs, trials, changed)
