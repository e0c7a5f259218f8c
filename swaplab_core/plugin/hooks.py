"""The typed facade over pluggy, and its only importer: registering hook modules and calling hooks.

pluggy is not fully typed, so `Any` stays in this module: callers see one typed method per hook. Two rules of pluggy
are replaced by stricter ones. A hook is sync or async as its specification is (`def` or `async def`), an
implementation of the other kind is refused. And every implementation is called on its own: one that raises loses its
own answer, not the others'. Specifications are in `hookspecs`; who is installed is the catalogue's business.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from operator import itemgetter
from types import ModuleType
from typing import Any, TypeVar, get_args, get_type_hints

import click
import pluggy
from attrs import define, field

from swaplab_core.domain.backend import BackendState
from swaplab_core.domain.demo import DemoModel
from swaplab_core.domain.diagnostic import Diagnostic
from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.events import Event
from swaplab_core.domain.image import KnownImages
from swaplab_core.domain.node import Node
from swaplab_core.domain.placement import Placement, PlacementRequest, Refusal
from swaplab_core.domain.problem import Problem
from swaplab_core.domain.view import Panels
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.check import ConfigFacts
from swaplab_core.plugin.lab import LabView
from swaplab_core.plugin.routes import Route

T = TypeVar("T")

EVENT = "swaplab_event"

hookspec = pluggy.HookspecMarker("swaplab")
hookimpl = pluggy.HookimplMarker("swaplab")

_log = logging.getLogger(__name__)


def guarded(call: Callable[[], T]) -> T | Exception:
    """Call foreign code; what it raises is returned, for the caller to put on record."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - the guard between a plugin's fault and everybody else
        return error


async def guarded_wait(call: Callable[[], Awaitable[T]]) -> T | Exception:
    """Call and await foreign code, as `guarded`; a cancellation goes through."""
    try:
        return await call()
    except Exception as error:  # noqa: BLE001 - the same guard, for foreign code that waits
        return error


@define(eq=False)
class Hooks:
    """The registered hook implementations, and one method per hook.

    `specs` is the module or class with the specifications. `report(plugin, error)` is called when an implementation
    fails.
    """

    specs: ModuleType | type
    report: Callable[[str, Exception], None]
    _manager: pluggy.PluginManager = field(init=False, factory=lambda: pluggy.PluginManager("swaplab"))

    def __attrs_post_init__(self) -> None:
        self._manager.add_hookspecs(self.specs)

    def register(self, plugin: str, module: object) -> tuple[str, ...]:
        """Take in the implementations of one plugin and return the names of its hooks.

        Raises PluginFailed, and takes in nothing, when one of them does not fit or there is none.
        """
        if (other := self._manager.get_name(module)) is not None:
            raise PluginFailed(f"its module is already registered, as the plugin {other!r}")
        try:
            self._manager.register(module, name=plugin)
            self._manager.check_pending()
            callers: list[Any] = self._manager.get_hookcallers(module) or []
            _check_all(callers, module)
        except (pluggy.PluginValidationError, PluginFailed) as error:
            if self._manager.has_plugin(plugin):
                self._manager.unregister(name=plugin)
            raise PluginFailed(str(error), advice=f"the hooks are: {', '.join(self._known())}") from error
        return tuple(sorted(caller.name for caller in callers))

    def demo_models(self, find_program: Callable[[str], str | None]) -> tuple[DemoModel, ...]:
        """Ask every plugin which models it can show here (`swaplab_demo_models`)."""
        answers = self._collect("swaplab_demo_models", DemoModel, {"find_program": find_program})
        return tuple(model for _, models in answers for model in models)

    def config_section(self) -> Mapping[str, type]:
        """Ask every plugin for the class of its settings (`swaplab_config_section`): by plugin."""
        return {plugin: classes[0] for plugin, classes in self._collect("swaplab_config_section", type, {}, one=True)}

    def commands(self) -> Mapping[str, click.Command]:
        """Ask every plugin for its commands (`swaplab_commands`): by name."""
        answers = sorted(self._collect("swaplab_commands", click.Command, {}), key=itemgetter(0), reverse=True)
        return {command.name or plugin: command for plugin, commands in answers for command in commands}

    def actions(self, lab: LabView) -> Mapping[str, tuple[Action, ...]]:
        """Ask every plugin for its actions (`swaplab_actions`): by plugin."""
        return self._by_plugin("swaplab_actions", Action, {"lab": lab})

    def backend_actions(self, state: BackendState, lab: LabView) -> Mapping[str, tuple[Action, ...]]:
        """Ask every plugin what it offers for a backend's folder (`swaplab_backend_actions`): by plugin."""
        return self._by_plugin("swaplab_backend_actions", Action, {"state": state, "lab": lab})

    def panels(self, lab: LabView) -> Mapping[str, tuple[Panels, ...]]:
        """Ask every plugin for what it shows (`swaplab_panels`): by plugin."""
        return self._by_plugin("swaplab_panels", Panels, {"lab": lab})

    def diagnostics(self, lab: LabView) -> Mapping[str, tuple[Diagnostic, ...]]:
        """Ask every plugin for its checks (`swaplab_diagnostics`): by plugin."""
        return self._by_plugin("swaplab_diagnostics", Diagnostic, {"lab": lab})

    def routes(self, lab: LabView) -> Mapping[str, tuple[Route, ...]]:
        """Ask every plugin for its HTTP routes (`swaplab_routes`): by plugin, in the order of their names."""
        return self._by_plugin("swaplab_routes", Route, {"lab": lab})

    def nodes(self, lab: LabView) -> tuple[Node, ...]:
        """Ask every plugin for the machines it knows (`swaplab_nodes`)."""
        return tuple(node for _, nodes in self._collect("swaplab_nodes", Node, {"lab": lab}) for node in nodes)

    def images(self, lab: LabView) -> tuple[KnownImages, ...]:
        """Ask every plugin which container images it knows (`swaplab_images`)."""
        return tuple(known for _, all_ in self._collect("swaplab_images", KnownImages, {"lab": lab}) for known in all_)

    def check_config(self, config: ConfigFacts) -> tuple[Problem, ...]:
        """Ask every plugin what is wrong with a configuration (`swaplab_check_config`)."""
        answers = self._collect("swaplab_check_config", Problem, {"config": config})
        return tuple(problem for _, problems in answers for problem in problems)

    async def place_model(self, request: PlacementRequest, lab: Callable[[], LabView]) -> Placement | None:
        """Ask for a machine for a model (`swaplab_place_model`); the first answer counts."""
        return await self._first("swaplab_place_model", Placement, {"request": request}, lab)

    async def admit_model(self, request: PlacementRequest, node: Node, lab: Callable[[], LabView]) -> Refusal | None:
        """Ask whether a model may be loaded (`swaplab_admit_model`); the first refusal counts."""
        return await self._first("swaplab_admit_model", Refusal, {"request": request, "node": node}, lab)

    async def startup(self, lab: LabView) -> None:
        """Tell every plugin that the daemon begins (`swaplab_startup`)."""
        await self._tell("swaplab_startup", {"lab": lab})

    async def shutdown(self, lab: LabView) -> None:
        """Tell every plugin that the daemon ends (`swaplab_shutdown`)."""
        await self._tell("swaplab_shutdown", {"lab": lab})

    async def event(self, event: Event, lab: LabView) -> None:
        """Tell every plugin that wants to hear of it what has happened (`swaplab_event`)."""
        impls = [impl for impl in self._implementations(EVENT) if isinstance(event, _kinds(impl.function))]
        await self._tell(EVENT, {"event": event, "lab": lab}, impls)

    @property
    def event_kinds(self) -> tuple[type[Event], ...]:
        """What plugins want to hear of: the kinds with which their `swaplab_event` annotates its `event`."""
        return tuple({kind: None for impl in self._implementations(EVENT) for kind in _kinds(impl.function)})

    async def _first(
        self, name: str, kind: type[T], arguments: Mapping[str, object], lab: Callable[[], LabView]
    ) -> T | None:
        """Call an async hook, plugin after plugin, until one answers."""
        for impl in self._implementations(name):
            answer = await guarded_wait(partial(_call, impl, {**arguments, "lab": lab()}))
            if isinstance(answer, Exception):
                self._failed(name, impl.plugin_name, answer)
            elif isinstance(answer, kind):
                return answer
        return None

    def _by_plugin(self, name: str, kind: type[T], arguments: Mapping[str, object]) -> dict[str, tuple[T, ...]]:
        return {
            plugin: tuple(answer) for plugin, answer in sorted(self._collect(name, kind, arguments), key=itemgetter(0))
        }

    def _implementations(self, name: str) -> list[Any]:
        """In the order in which they were registered."""
        return list(reversed(getattr(self._manager.hook, name).get_hookimpls()))

    async def _tell(self, name: str, arguments: Mapping[str, object], impls: Sequence[Any] | None = None) -> None:
        """Call an async hook of every plugin, or these implementations of it, all at once."""
        impls = self._implementations(name) if impls is None else impls
        calls = [guarded_wait(partial(_call, impl, arguments)) for impl in impls]
        for impl, answer in zip(impls, await asyncio.gather(*calls), strict=True):
            if isinstance(answer, Exception):
                self._failed(name, impl.plugin_name, answer)

    def _failed(self, name: str, plugin: str, error: Exception) -> None:
        _log.warning("hook %s of plugin %r failed", name, plugin, exc_info=error)
        self.report(plugin, error)

    def _collect(
        self, name: str, kind: type[T], arguments: Mapping[str, object], *, one: bool = False
    ) -> Iterator[tuple[str, list[T]]]:
        """Call a sync hook: plugin and answer in pluggy's order, the failing plugins reported.

        The answer is a list of things, or with `one` a single thing.
        """
        for impl in self._implementations(name):
            answer = guarded(partial(_ask, impl, kind, arguments, one=one))
            if isinstance(answer, Exception):
                self._failed(name, impl.plugin_name, answer)
            else:
                yield impl.plugin_name, answer

    def _known(self) -> list[str]:
        return [name for name in dir(self.specs) if self._manager.parse_hookspec_opts(self.specs, name) is not None]


@cache
def _kinds(function: Callable[..., object]) -> tuple[type[Event], ...]:
    """What an implementation of `swaplab_event` wants to hear of; everything, when it does not say so plainly."""
    hints = guarded(partial(get_type_hints, function))
    hint = Event if isinstance(hints, Exception) else hints.get("event", Event)
    kinds = get_args(hint) or (hint,)
    return kinds if all(isinstance(kind, type) and issubclass(kind, Event) for kind in kinds) else (Event,)


def _call(impl: Any, arguments: Mapping[str, object]) -> Any:
    """Call one implementation with the arguments it names."""
    return impl.function(*(arguments[name] for name in impl.argnames))


def _ask(impl: Any, kind: type[T], arguments: Mapping[str, object], *, one: bool) -> list[T]:
    """Call one implementation, and hold its answer against the specification."""
    given = _call(impl, arguments)
    answer = [given] if one else list(given)
    for item in answer:
        if not isinstance(item, kind):
            raise TypeError(f"it answered with {item!r}, which is no {kind.__name__}")
    return answer


def _check_all(callers: list[Any], module: object) -> None:
    """Raise PluginFailed when an implementation is of the wrong kind, or when there is none."""
    if not callers:
        raise PluginFailed("it implements no hook: mark the functions with @swaplab_core.plugin.hookimpl")
    for caller in callers:
        for impl in caller.get_hookimpls():
            if impl.plugin is module:
                _check(caller, impl)


def _check(caller: Any, impl: Any) -> None:
    if impl.wrapper or impl.hookwrapper:
        raise PluginFailed(f"{caller.name} is a wrapper, but swaplab asks each implementation on its own")
    if caller.spec is None:  # marked optionalhook: for another version of swaplab
        return
    if _is_async(caller.spec.function) != _is_async(impl.function):
        wanted = "async def" if _is_async(caller.spec.function) else "def"
        raise PluginFailed(f"{caller.name} must be written with `{wanted}`, as its specification is")


def _is_async(function: Callable[..., object]) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
