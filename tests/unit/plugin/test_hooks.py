"""Registering hook modules and calling hooks. Modules are made here, from the text a plugin author would write."""

from __future__ import annotations

import asyncio
import types

import pytest

from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.events import ConfigChanged, Event, ModelChanged, RequestChanged
from swaplab_core.plugin import DemoModel, Policy, Reply, Route, hookimpl, hookspecs
from swaplab_core.plugin.hooks import Hooks, hookspec

NO_PROGRAM = {}.get


@pytest.fixture
def failures():
    return []


@pytest.fixture
def hooks(failures):
    return Hooks(hookspecs, lambda plugin, error: failures.append((plugin, str(error))))


def module(**functions):
    made = types.ModuleType("made")
    for name, function in functions.items():
        setattr(made, name, function)
    return made


def offering(*names):
    @hookimpl
    def swaplab_demo_models():
        return [DemoModel(id=name, entry={}, title=name) for name in names]

    return module(swaplab_demo_models=swaplab_demo_models)


def test_a_registered_module_is_asked(hooks):
    assert hooks.register("one", offering("a", "b")) == ("swaplab_demo_models",)
    assert [model.id for model in hooks.demo_models(NO_PROGRAM)] == ["a", "b"]


def test_an_implementation_gets_the_arguments_it_names(hooks):
    @hookimpl
    def swaplab_demo_models(find_program):
        return [DemoModel(id=find_program("engine"), entry={}, title="")]

    hooks.register("one", module(swaplab_demo_models=swaplab_demo_models))
    assert [model.id for model in hooks.demo_models({"engine": "/bin/engine"}.get)] == ["/bin/engine"]


def test_a_raising_implementation_loses_only_its_own_answer(hooks, failures, caplog):
    @hookimpl
    def swaplab_demo_models():
        raise RuntimeError("out of ideas")

    hooks.register("first", offering("a"))
    hooks.register("broken", module(swaplab_demo_models=swaplab_demo_models))
    hooks.register("last", offering("b"))
    assert sorted(model.id for model in hooks.demo_models(NO_PROGRAM)) == ["a", "b"]
    assert failures == [("broken", "out of ideas")]
    assert "hook swaplab_demo_models of plugin 'broken' failed" in caplog.text
    assert "RuntimeError: out of ideas" in caplog.text


def test_a_generator_that_raises_halfway_is_caught_too(hooks, failures):
    @hookimpl
    def swaplab_demo_models():
        yield DemoModel(id="a", entry={}, title="")
        raise RuntimeError("halfway")

    hooks.register("broken", module(swaplab_demo_models=swaplab_demo_models))
    assert hooks.demo_models(NO_PROGRAM) == ()
    assert failures == [("broken", "halfway")]


@pytest.mark.parametrize("answer", [None, 3, ["a name"], [None]])
def test_an_answer_of_the_wrong_type_is_reported(hooks, failures, answer):
    @hookimpl
    def swaplab_demo_models():
        return answer

    hooks.register("odd", module(swaplab_demo_models=swaplab_demo_models))
    assert hooks.demo_models(NO_PROGRAM) == ()
    assert [plugin for plugin, _ in failures] == ["odd"]


def serving(*paths, **changes):
    async def nothing(_call, _gateway):
        return Reply()

    @hookimpl
    def swaplab_routes():
        parts = {"method": "GET", "policy": Policy.READ, "handler": nothing, **changes}
        return [Route(path=path, **parts) for path in paths]

    return module(swaplab_routes=swaplab_routes)


def test_routes_come_by_plugin_in_the_order_of_their_names(hooks):
    for name in ("b", "c", "a"):
        hooks.register(name, serving(f"/{name}", "/x"))
    found = {plugin: [route.path for route in routes] for plugin, routes in hooks.routes(None).items()}
    assert list(found.items()) == [("a", ["/a", "/x"]), ("b", ["/b", "/x"]), ("c", ["/c", "/x"])]


def test_a_route_without_a_policy_costs_its_plugin_all_of_them_and_nobody_else(hooks, failures):
    hooks.register("careless", serving("/x", policy=None))
    hooks.register("proper", serving("/y"))
    assert list(hooks.routes(None)) == ["proper"]
    assert failures == [("careless", "policy None is none of swaplab_core.plugin.Policy")]


def test_a_misspelt_hook_is_refused_and_the_hooks_are_named(hooks):
    @hookimpl
    def swaplab_demo_modles():
        return []

    with pytest.raises(PluginFailed, match="unknown hook 'swaplab_demo_modles'") as caught:
        hooks.register("typo", module(swaplab_demo_modles=swaplab_demo_modles))
    assert caught.value.advice.startswith("the hooks are: ")
    assert "swaplab_demo_models" in caught.value.advice


def test_an_unknown_argument_is_refused(hooks):
    @hookimpl
    def swaplab_demo_models(find_programme):
        return []

    with pytest.raises(PluginFailed, match="find_programme"):
        hooks.register("argument", module(swaplab_demo_models=swaplab_demo_models))


def test_an_async_implementation_of_a_sync_hook_is_refused(hooks):
    @hookimpl
    async def swaplab_demo_models():
        return []

    with pytest.raises(PluginFailed, match="swaplab_demo_models must be written with `def`"):
        hooks.register("async", module(swaplab_demo_models=swaplab_demo_models))


def test_an_async_generator_is_async_as_well(hooks):
    @hookimpl
    async def swaplab_demo_models():
        yield DemoModel(id="a", entry={}, title="")

    with pytest.raises(PluginFailed, match="must be written with `def`"):
        hooks.register("async", module(swaplab_demo_models=swaplab_demo_models))


def test_a_sync_implementation_of_an_async_hook_is_refused(failures):
    class Specifications:
        @hookspec
        async def swaplab_news():
            """A hook that is awaited."""

    @hookimpl
    def swaplab_news():
        return None

    hooks = Hooks(Specifications, lambda plugin, error: failures.append((plugin, error)))
    with pytest.raises(PluginFailed, match="swaplab_news must be written with `async def`"):
        hooks.register("sync", module(swaplab_news=swaplab_news))


def test_a_wrapper_is_refused(hooks):
    @hookimpl(wrapper=True)
    def swaplab_demo_models():
        return (yield)

    with pytest.raises(PluginFailed, match="wrapper"):
        hooks.register("wrapper", module(swaplab_demo_models=swaplab_demo_models))


def test_a_module_that_implements_nothing_is_refused(hooks):
    def swaplab_demo_models():
        return []

    with pytest.raises(PluginFailed, match=r"mark the functions with @swaplab_core\.plugin\.hookimpl"):
        hooks.register("unmarked", module(swaplab_demo_models=swaplab_demo_models))


def test_a_hook_of_another_version_may_be_marked_optional(hooks):
    @hookimpl(optionalhook=True)
    def swaplab_of_the_future():
        return []

    assert hooks.register("future", module(swaplab_of_the_future=swaplab_of_the_future)) == ("swaplab_of_the_future",)


def test_a_refused_module_leaves_nothing_behind(hooks):
    @hookimpl
    def swaplab_demo_modles():
        return []

    good_and_bad = offering("a")
    good_and_bad.swaplab_demo_modles = swaplab_demo_modles
    with pytest.raises(PluginFailed):
        hooks.register("mixed", good_and_bad)
    assert hooks.demo_models(NO_PROGRAM) == ()
    assert hooks.register("other", offering("b")) == ("swaplab_demo_models",)


def test_a_module_cannot_be_two_plugins(hooks):
    shared = offering("a")
    hooks.register("one", shared)
    with pytest.raises(PluginFailed, match="already registered, as the plugin 'one'"):
        hooks.register("two", shared)
    assert [model.id for model in hooks.demo_models(NO_PROGRAM)] == ["a"]


@pytest.mark.parametrize("part", ["Called when:", "Arguments:", "Return:", "Example:"])
def test_every_hook_is_documented_in_four_parts(part):
    names = [name for name in vars(hookspecs) if name.startswith("swaplab_")]
    assert names
    assert [name for name in names if part not in getattr(hookspecs, name).__doc__] == []


def test_a_plugin_hears_only_of_the_events_with_which_it_annotates_its_argument(hooks):
    heard = []

    @hookimpl
    async def some(event: ConfigChanged | ModelChanged):
        heard.append(("some", event))

    @hookimpl
    async def every(event, lab):
        heard.append(("every", event))

    hooks.register("one", module(swaplab_event=some))
    assert hooks.event_kinds == (ConfigChanged, ModelChanged)
    hooks.register("two", module(swaplab_event=every))
    assert set(hooks.event_kinds) == {ConfigChanged, ModelChanged, Event}
    for event in (ModelChanged("m"), RequestChanged(1)):
        asyncio.run(hooks.event(event, None))
    assert heard.pop() == ("every", RequestChanged(1))
    assert sorted(name for name, _ in heard) == ["every", "some"]
