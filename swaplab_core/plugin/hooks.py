"""The typed facade over pluggy, and its only importer: registering hook modules and calling hooks.

pluggy is not fully typed, so `Any` stays in this module: callers see one typed method per hook. Two rules of pluggy
are replaced by stricter ones. A hook is sync or async as its specification is (`def` or `async def`), an
implementation of the other kind is refused. And every implementation is called on its own: one that raises loses its
own answer, not the others'. Specifications are in `hookspecs`; who is installed is the catalogue's business.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from attrs import define, field

from swaplab_core.domain.demo import DemoModel
from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.node import Node
from swaplab_core.plugin.lab import LabView
from swaplab_core.plugin.routes import Route

T = TypeVar("T")

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

    def routes(self) -> Mapping[str, tuple[Route, ...]]:
        """Ask every plugin for its HTTP routes (`swaplab_routes`): by plugin, in the order of their names."""
        return {plugin: tuple(routes) for plugin, routes in sorted(self._collect("swaplab_routes", Route, {}))}

    def nodes(self, lab: LabView) -> tuple[Node, ...]:
        """Ask every plugin for the machines it knows (`swaplab_nodes`)."""
        return tuple(node for _, nodes in self._collect("swaplab_nodes", Node, {"lab": lab}) for node in nodes)

    def _collect(self, name: str, kind: type[T], arguments: Mapping[str, object]) -> Iterator[tuple[str, list[T]]]:
        """Call a sync hook that lists things: plugin and answer in pluggy's order, the failing plugins reported."""
        for impl in reversed(getattr(self._manager.hook, name).get_hookimpls()):
            answer = guarded(partial(_ask, impl, kind, arguments))
            if isinstance(answer, Exception):
                _log.warning("hook %s of plugin %r failed", name, impl.plugin_name, exc_info=answer)
                self.report(impl.plugin_name, answer)
            else:
                yield impl.plugin_name, answer

    def _known(self) -> list[str]:
        return [name for name in dir(self.specs) if self._manager.parse_hookspec_opts(self.specs, name) is not None]


def _ask(impl: Any, kind: type[T], arguments: Mapping[str, object]) -> list[T]:
    """Call one implementation with the arguments it names, and hold its answer against the specification."""
    answer = list(impl.function(*(arguments[name] for name in impl.argnames)))
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
