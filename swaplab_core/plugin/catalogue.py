"""What is installed, and is it healthy? The only importer of stevedore.

stevedore loads entry points, pluggy (in `hooks`) calls hooks; drivers are called directly. Whatever goes wrong with a
plugin stays with that plugin: it is put on record and everybody else works.

We read the entry points ourselves and hand them to stevedore, for three reasons. Its own list comes from a cache on
disk (`~/.cache/python-entrypoints`), which a running daemon never reads again; the cached entries have lost their
distribution; and it notices two plugins of one name only when they stand next to each other.
"""

from __future__ import annotations

import difflib
import enum
import inspect
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import attrs
from attrs import define, evolve, field, frozen
from stevedore import ExtensionManager

from swaplab_core.config.switches import SwitchedOff, canonical
from swaplab_core.domain.errors import PluginFailed, SwaplabError, UnknownDriver
from swaplab_core.plugin import hookspecs
from swaplab_core.plugin.hooks import Hooks, guarded
from swaplab_core.plugin.interface import Backend, Executor
from swaplab_core.plugin.recipe_parser import RecipeParser

BACKENDS = "swaplab.backends"
EXECUTORS = "swaplab.executors"
RECIPE_PARSERS = "swaplab.recipe_parsers"
PLUGINS = "swaplab.plugins"
GROUPS = (BACKENDS, EXECUTORS, RECIPE_PARSERS, PLUGINS)


class PluginState(enum.Enum):
    """OK: works. DEGRADED: taken in, but something it was asked for failed. FAILED: not taken in.

    DISABLED: switched off, so not even imported.
    """

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"
    DISABLED = "disabled"

    @property
    def is_there(self) -> bool:
        """Whether what it offers was taken in."""
        return self in {PluginState.OK, PluginState.DEGRADED}


@frozen
class PluginRecord:
    """One entry point: who offers it, and how it fares. `hooks` are the hooks that a hook module implements."""

    group: str
    name: str
    target: str
    distribution: str
    version: str
    state: PluginState = PluginState.OK
    error: str = ""
    hooks: tuple[str, ...] = ()

    def failed(self, error: BaseException, state: PluginState = PluginState.FAILED) -> PluginRecord:
        """Return this record with what went wrong."""
        said = str(error) if isinstance(error, SwaplabError) else f"{type(error).__name__}: {error}"
        return evolve(self, state=state, error=said)


@frozen
class Offer:
    """An entry point that has been tried: its record, and the object it gave unless the record says failed."""

    record: PluginRecord
    loaded: object = None


def _nobody() -> None:
    """Nobody listens."""


@define(eq=False)
class Catalogue:
    """The installed drivers and hooks, each plugin with its record. Made once, by `discover`."""

    _backends: dict[str, Backend] = field(factory=dict, init=False)
    _executors: dict[str, type[Executor]] = field(factory=dict, init=False)
    _parsers: dict[str, RecipeParser] = field(factory=dict, init=False)
    _records: list[PluginRecord] = field(factory=list, init=False)
    hooks: Hooks = field(init=False)
    on_change: Callable[[], None] = field(default=_nobody, init=False)
    """Called when a plugin fares otherwise than before."""

    def __attrs_post_init__(self) -> None:
        self.hooks = Hooks(hookspecs, self._degrade)

    @classmethod
    def discover(cls, off: Collection[str] = ()) -> Catalogue:
        """Look at what is installed for this interpreter. Imports every plugin, raises nothing.

        What the distributions `off` offer (by canonical name) is put on record, and not imported.
        """
        catalogue = cls()
        catalogue.add(offer for group in GROUPS for offer in _load(group, off))
        return catalogue

    @classmethod
    def of(
        cls, *drivers: type[Backend | Executor | RecipeParser], plugins: Mapping[str, object] | None = None
    ) -> Catalogue:
        """Build a catalogue of driver classes and hook modules (by name), whatever is installed: for tests."""
        catalogue = cls()
        catalogue.add(_given(_group_of(driver), driver.name, driver) for driver in drivers)
        catalogue.add(_given(PLUGINS, name, module) for name, module in (plugins or {}).items())
        return catalogue

    def add(self, offers: Iterable[Offer]) -> None:
        """Take in what entry points gave; what goes wrong is on their records."""
        self._records += [self._taken(offer) for offer in offers]

    @property
    def backends(self) -> Mapping[str, Backend]:
        """The usable backend drivers by name: one instance each."""
        return MappingProxyType(self._backends)

    @property
    def executors(self) -> Mapping[str, type[Executor]]:
        """The usable executor classes by name; `local` is not among them, it is built in."""
        return MappingProxyType(self._executors)

    @property
    def parsers(self) -> Mapping[str, RecipeParser]:
        """The usable recipe parsers by name: one instance each."""
        return MappingProxyType(self._parsers)

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """Every entry point that was found, healthy or not, drivers first."""
        return tuple(self._records)

    @property
    def off(self) -> SwitchedOff:
        """What was not loaded because it is switched off."""
        off = [record for record in self._records if record.state is PluginState.DISABLED]
        return SwitchedOff(
            {record.name: record.distribution for record in off if record.group == BACKENDS},
            {record.name: record.distribution for record in off if record.group == PLUGINS},
        )

    def backend(self, name: str) -> Backend:
        """Return the driver of that name. Raises UnknownDriver, which says what is installed or why it failed."""
        if name in self._backends:
            return self._backends[name]
        if name in self.off.backends:
            plugin = self.off.backends[name]
            advice = f"swaplab plugins enable {plugin}, then start swaplab again"
            raise UnknownDriver(f"the backend {name!r} is switched off with its plugin {plugin}", advice=advice)
        for record in self._records:
            if (record.group, record.name) == (BACKENDS, name):
                raise UnknownDriver(f"the backend {name!r} is installed but cannot be used: {record.error}")
        installed = sorted(self._backends)
        guess = difflib.get_close_matches(name, installed, n=1)
        advice = f"did you mean {guess[0]!r}? " if guess else ""
        advice += f"installed: {', '.join(installed)}"
        raise UnknownDriver(f"no installed plugin offers the backend {name!r}", advice=advice)

    def _taken(self, offer: Offer) -> PluginRecord:
        record = offer.record
        if not record.state.is_there:
            return record
        takers = {
            BACKENDS: self._take_driver,
            EXECUTORS: self._take_executor,
            RECIPE_PARSERS: self._take_parser,
            PLUGINS: self._take_plugin,
        }
        hooks = guarded(partial(takers[record.group], record.name, offer.loaded))
        return record.failed(hooks) if isinstance(hooks, Exception) else evolve(record, hooks=hooks)

    def _take_driver(self, name: str, loaded: object) -> tuple[str, ...]:
        self._backends[name] = make_driver(name, loaded)
        return ()

    def _take_executor(self, name: str, loaded: object) -> tuple[str, ...]:
        self._executors[name] = check_executor(name, loaded)
        return ()

    def _take_plugin(self, name: str, loaded: object) -> tuple[str, ...]:
        """A module, or a class: its one instance holds the plugin's state."""
        return self.hooks.register(name, loaded() if isinstance(loaded, type) else loaded)

    def _take_parser(self, name: str, loaded: object) -> tuple[str, ...]:
        self._parsers[name] = make_parser(name, loaded)
        return ()

    def _degrade(self, plugin: str, error: Exception) -> None:
        self.degrade(PLUGINS, plugin, error)

    def degrade(self, group: str, name: str, error: Exception) -> None:
        """Put on record that a plugin failed when it was used."""
        for index, record in enumerate(self._records):
            if (record.group, record.name) == (group, name) and record.state.is_there:
                self._records[index] = record.failed(error, PluginState.DEGRADED)
                if self._records[index] != record:
                    self.on_change()


def check_executor(name: str, loaded: object) -> type[Executor]:
    """Hold the class that the entry point `name` gave against the contract of `Executor`. Raises PluginFailed."""
    if not (isinstance(loaded, type) and issubclass(loaded, Executor)):
        raise PluginFailed(f"{loaded!r} is not a subclass of swaplab_core.plugin.Executor")
    _check_driver(name, loaded, ("name", "title"))
    if name == "local":
        raise PluginFailed("the executor 'local' is built in", advice="give it another name")
    return loaded


def _check_driver(name: str, loaded: type[Backend | Executor], attributes: Iterable[str]) -> None:
    missing = [attribute for attribute in attributes if not hasattr(loaded, attribute)]
    if inspect.isabstract(loaded):
        missing += sorted(loaded.__abstractmethods__)
    if missing:
        raise PluginFailed(f"{loaded.__qualname__} does not define {', '.join(missing)}")
    own_name = getattr(loaded, "name", None)
    if own_name != name:
        raise PluginFailed(f"the entry point is called {name!r} but {loaded.__qualname__}.name is {own_name!r}")


def make_driver(name: str, loaded: object) -> Backend:
    """Make the instance of a driver class that the entry point `name` gave.

    Raises PluginFailed when the class breaks the contract of `Backend`, and whatever its constructor raises.
    """
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise PluginFailed(f"{loaded!r} is not a subclass of swaplab_core.plugin.Backend")
    _check_driver(name, loaded, ("name", "title", "options"))
    if not attrs.has(loaded.options):
        raise PluginFailed(f"{loaded.__qualname__}.options is not an attrs class")
    return loaded()


def make_parser(name: str, loaded: object) -> RecipeParser:
    """Make the instance of a parser class that the entry point `name` gave. Raises PluginFailed, as `make_driver`."""
    if not (isinstance(loaded, type) and issubclass(loaded, RecipeParser)):
        raise PluginFailed(f"{loaded!r} is not a subclass of swaplab_core.plugin.RecipeParser")
    missing = [attribute for attribute in ("name", "title") if not hasattr(loaded, attribute)]
    if inspect.isabstract(loaded):
        missing += sorted(loaded.__abstractmethods__)
    if missing:
        raise PluginFailed(f"{loaded.__qualname__} does not define {', '.join(missing)}")
    if loaded.name != name:
        raise PluginFailed(f"the entry point is called {name!r} but {loaded.__qualname__}.name is {loaded.name!r}")
    return loaded()


class _Loader(ExtensionManager[Any]):
    """stevedore's guarded import of entry points that we read; what failed is in `failures`."""

    def __init__(self, group: str, points: list[EntryPoint]) -> None:
        self._points = points
        self.failures: list[tuple[EntryPoint, BaseException]] = []
        super().__init__(group, on_load_failure_callback=lambda _, point, error: self.failures.append((point, error)))

    def list_entry_points(self) -> list[EntryPoint]:
        return self._points

    def _load_one_plugin(self, ep: EntryPoint, *args: Any, **kwargs: Any) -> Any:
        try:
            return super()._load_one_plugin(ep, *args, **kwargs)
        except (AssertionError, SystemExit) as error:  # stevedore lets these two out, and the server with them
            raise ImportError(f"{type(error).__name__} during the import: {error}") from error


def installed_records() -> list[PluginRecord]:
    """Every entry point that is installed, nothing imported: how they fare is not known."""
    return [_record(point) for group in GROUPS for point in _points(group)]


def _points(group: str) -> list[EntryPoint]:
    return sorted(entry_points(group=group), key=lambda point: (point.name, _distribution(point)))


def _load(group: str, off: Collection[str]) -> list[Offer]:
    """Import the entry points of one group, in order of their names. Those of distributions that are switched off, and
    those that share a name, are not even imported.
    """
    namesakes: defaultdict[str, list[EntryPoint]] = defaultdict(list)
    left_out: list[EntryPoint] = []
    for point in _points(group):
        is_off = canonical(_distribution(point)[0]) in off
        (left_out if is_off else namesakes[point.name]).append(point)
    loader = _Loader(group, [points[0] for points in namesakes.values() if len(points) == 1])
    offers = [Offer(_record(extension.entry_point), extension.plugin) for extension in loader]
    offers += [Offer(_record(point).failed(error)) for point, error in loader.failures]
    offers += [Offer(evolve(_record(point), state=PluginState.DISABLED)) for point in left_out]
    for points in namesakes.values():
        if len(points) > 1:
            offers += [Offer(_record(point).failed(_ambiguous(points))) for point in points]
    return sorted(offers, key=lambda offer: (offer.record.name, offer.record.distribution))


def _ambiguous(points: list[EntryPoint]) -> PluginFailed:
    rivals = " and ".join(" ".join(_distribution(point)) for point in points)
    return PluginFailed(
        f"{points[0].name!r} is offered more than once: by {rivals}",
        advice="uninstall all but one, or switch the others off",
    )


def _record(point: EntryPoint) -> PluginRecord:
    return PluginRecord(point.group, point.name, point.value, *_distribution(point))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    """Name and version; a distribution with broken metadata has none."""
    return ("?", "?") if point.dist is None else (point.dist.name or "?", point.dist.version or "?")


def _group_of(driver: type[Backend | Executor | RecipeParser]) -> str:
    if issubclass(driver, RecipeParser):
        return RECIPE_PARSERS
    return BACKENDS if issubclass(driver, Backend) else EXECUTORS


def _given(group: str, name: str, loaded: object) -> Offer:
    target = f"{getattr(loaded, '__module__', '')}:{getattr(loaded, '__qualname__', name)}"
    return Offer(PluginRecord(group, name, target, distribution="(given)", version=""), loaded)
