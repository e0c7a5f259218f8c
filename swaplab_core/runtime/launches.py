"""From a model entry and its driver to a launch spec: what the entry says is laid over what the driver proposes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Protocol

from attrs import define, evolve, field

from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.errors import PluginFailed, StartFailed, SwaplabError
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchRequest, LaunchSpec, RecipeLaunch, StopStrategy
from swaplab_core.domain.metering import Progress, Usage
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.recipe import RecipeSettings
from swaplab_core.plugin.abilities import Sleeps
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.plugin.hooks import guarded
from swaplab_core.plugin.interface import Backend
from swaplab_core.runtime.nodes import THIS


class Ground(Protocol):
    """Which machine a model is loaded on, and which port it gets there."""

    async def node_for(self, entry: ModelConfig) -> Node:
        """The machine, now. Raises StartFailed."""
        ...

    async def port_on(self, node: Node, wanted: int) -> int:
        """A port that is free there: the wanted one if it is. Raises StartFailed."""
        ...


class OnlyHere:
    """This machine alone."""

    async def node_for(self, entry: ModelConfig) -> Node:
        """This machine."""
        if entry.node != LOCAL:
            raise StartFailed(f"no node is called {entry.node!r}")
        return THIS

    async def port_on(self, node: Node, wanted: int) -> int:  # noqa: ARG002 - there is one
        """Whether it is free is found out when the model starts."""
        return wanted


def _as_named(name: str) -> str | None:
    """A program of another machine: found by its name there."""
    return name


async def _no_recipes(model: ModelId, _: RecipeSettings) -> RecipeLaunch:
    raise StartFailed(f"{model} uses a recipe, and nothing here reads recipes")


@define(eq=False)
class Launches:
    """Answers the supervisor's questions from the configuration in force; `use` puts another one in force.

    `recipe_of` reads the recipe of a model anew, so that a start follows the file as it is now. It raises StartFailed.
    """

    config: Config
    catalogue: Catalogue
    find_program: Callable[[str], str | None]
    ground: Ground = field(factory=OnlyHere)
    recipe_of: Callable[[ModelId, RecipeSettings], Awaitable[RecipeLaunch]] = _no_recipes
    instance: str = "0"

    def use(self, config: Config) -> None:
        """Launch from `config` from now on; what runs is not touched."""
        self.config = config

    async def spec(self, model: ModelId) -> LaunchSpec:
        """How to start `model` now. Raises SwaplabError when the plugin cannot say."""
        entry = self.config.models.get(model)
        if entry is None:
            raise StartFailed(f"{model} was removed from the configuration before it was started")
        backend = self.catalogue.backend(entry.backend)
        recipe = None if entry.recipe is None else await self.recipe_of(model, entry.recipe)
        if recipe is not None and recipe.machine is not None and not entry.node:
            entry = evolve(entry, node=recipe.machine.id)  # a cluster is started on its head
        node = await self.ground.node_for(entry)
        port = await self._port(entry, backend, node)
        find_program = self.find_program if node.executor == THIS.executor else _as_named
        request = LaunchRequest(model, entry.options, node.address, port, find_program, node.id, recipe, self.instance)
        spec = overlay(entry, _launch(backend, request), self.config.health_check_timeout_seconds)
        return evolve(spec, node=node.id) if entry.node else spec

    async def _port(self, entry: ModelConfig, backend: Backend, node: Node) -> int | None:
        """The port that the model has in the configuration, or another one if it is taken on the machine."""
        if entry.port is None:
            return None
        port = await self.ground.port_on(node, entry.port)
        if port != entry.port and not backend.needs_port:
            raise StartFailed(
                f"{entry.id} was not started: another program already listens on port {entry.port} of {node.title}",
                advice="stop it, or give the model another port",
            )
        return port

    def may_sleep(self, entry: ModelConfig) -> bool:
        """Whether a model is put to sleep when it must make room: its driver can, and its entry asks for it."""
        backend = self.catalogue.backends.get(entry.backend)
        if backend is None or not isinstance(backend, Sleeps):
            return False
        said = guarded(partial(backend.may_sleep, entry.options))
        return said is True

    def usage_reader(self, backend: str) -> Callable[[Mapping[str, Any]], Usage | None]:
        """The driver's reader of tokens and speeds, with whatever it raises kept from the data path."""
        return partial(_read_usage, self.catalogue.backend(backend))

    def progress(self, model: ModelId, line: str) -> Progress | None:
        """What a log line says about the load. A model removed meanwhile has none."""
        entry = self.config.models.get(model)
        if entry is None:
            return None
        said = guarded(partial(self.catalogue.backend(entry.backend).progress, line))
        return None if isinstance(said, Exception) else said


def overlay(entry: ModelConfig, proposed: LaunchSpec, ready_within_seconds: float) -> LaunchSpec:
    """Lay the keys of a model entry over what its driver proposes. Raises StartFailed when no address comes of it."""
    base_url = (entry.proxy or proposed.base_url).rstrip("/")
    if not base_url:
        raise StartFailed(
            f"{entry.id} has no address to send requests to", advice="set `proxy`, or use ${PORT} in `cmd`"
        )
    path = entry.check_endpoint if entry.check_endpoint_given else proposed.readiness.path
    return evolve(
        proposed,
        node=NodeId(entry.node) if entry.node else proposed.node,
        base_url=base_url,
        env={**proposed.env, **entry.env},
        readiness=evolve(
            proposed.readiness,
            path=path,
            deadline_seconds=max(ready_within_seconds, proposed.readiness.at_least_seconds),
        ),
        stop=StopStrategy(
            entry.cmd_stop or proposed.stop.argv, max(entry.unload_timeout_seconds, proposed.stop.at_least_seconds)
        ),
    )


def _launch(backend: Backend, request: LaunchRequest) -> LaunchSpec:
    spec = guarded(partial(backend.launch, request))
    if isinstance(spec, SwaplabError):
        raise spec
    if isinstance(spec, Exception):
        raise PluginFailed(f"the backend {backend.name!r} failed to launch {request.model}: {spec!r}") from spec
    return spec


def _read_usage(backend: Backend, message: Mapping[str, Any]) -> Usage | None:
    said = guarded(partial(backend.usage, message))
    return None if isinstance(said, Exception) else said
