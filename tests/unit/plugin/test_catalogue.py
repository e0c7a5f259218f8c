"""The catalogue, given its drivers and modules: what it takes, what it refuses, what it says."""

from __future__ import annotations

import types

import pytest
from attrs import frozen

from swaplab_core.builtin.command_backend import CommandBackend
from swaplab_core.domain.errors import PluginFailed, UnknownDriver
from swaplab_core.plugin import Backend, LaunchSpec, hookimpl
from swaplab_core.plugin.catalogue import BACKENDS, PLUGINS, Catalogue, PluginState, make_driver


@frozen
class Options:
    pass


class Proper(Backend):
    name = "proper"
    title = "Proper"
    options = Options

    def launch(self, request):
        return LaunchSpec(argv=("true",), base_url="")


class WithoutTitle(Backend):
    name = "proper"
    options = Options

    def launch(self, request):
        return LaunchSpec(argv=("true",), base_url="")


class WithoutLaunch(Backend):
    name = "proper"
    title = "Proper"
    options = Options


class OddOptions(Proper):
    options = dict


class Fragile(Proper):
    def __init__(self):
        raise RuntimeError("no constructor today")


def test_a_driver_is_found_by_its_name():
    catalogue = Catalogue.of(CommandBackend, Proper)
    assert isinstance(catalogue.backend("proper"), Proper)
    assert sorted(catalogue.backends) == ["command", "proper"]


def test_there_is_one_instance_of_each_driver():
    catalogue = Catalogue.of(Proper)
    assert catalogue.backend("proper") is catalogue.backend("proper") is catalogue.backends["proper"]


def test_an_unknown_name_is_answered_with_the_nearest_and_the_installed_ones():
    with pytest.raises(UnknownDriver) as caught:
        Catalogue.of(CommandBackend, Proper).backend("propper")
    assert str(caught.value) == (
        "no installed plugin offers the backend 'propper' (did you mean 'proper'? installed: command, proper)"
    )


def test_a_name_like_no_other_gets_no_guess():
    with pytest.raises(UnknownDriver) as caught:
        Catalogue.of(Proper).backend("xyz")
    assert caught.value.advice == "installed: proper"


def test_a_driver_that_failed_is_answered_with_its_reason():
    with pytest.raises(UnknownDriver, match="'proper' is installed but cannot be used: RuntimeError: no constructor"):
        Catalogue.of(Fragile).backend("proper")


def test_a_driver_whose_constructor_raises_fails_alone():
    catalogue = Catalogue.of(Fragile, CommandBackend)
    assert [record.state for record in catalogue.records] == [PluginState.FAILED, PluginState.OK]
    assert list(catalogue.backends) == ["command"]


@pytest.mark.parametrize(
    ("loaded", "complaint"),
    [
        (len, "is not a subclass of swaplab_core.plugin.Backend"),
        (str, "is not a subclass"),
        (Proper(), "is not a subclass"),
        (None, "is not a subclass"),
        (WithoutTitle, "WithoutTitle does not define title"),
        (WithoutLaunch, "WithoutLaunch does not define launch"),
        (OddOptions, "OddOptions.options is not an attrs class"),
        (CommandBackend, "the entry point is called 'proper' but CommandBackend.name is 'command'"),
    ],
)
def test_what_breaks_the_contract_of_a_driver_is_refused(loaded, complaint):
    with pytest.raises(PluginFailed, match=complaint):
        make_driver("proper", loaded)


def test_the_record_of_a_hook_module_names_its_hooks():
    @hookimpl
    def swaplab_demo_models():
        return []

    module = types.SimpleNamespace(swaplab_demo_models=swaplab_demo_models)
    (record,) = Catalogue.of(plugins={"mine": module}).records
    assert (record.group, record.name, record.state) == (PLUGINS, "mine", PluginState.OK)
    assert record.hooks == ("swaplab_demo_models",)


def test_a_hook_module_that_is_refused_fails_alone():
    catalogue = Catalogue.of(Proper, plugins={"empty": types.ModuleType("empty")})
    failed = [record for record in catalogue.records if record.state is PluginState.FAILED]
    assert [record.name for record in failed] == ["empty"]
    assert failed[0].error.startswith("it implements no hook")


def test_a_hook_that_raises_when_asked_degrades_its_plugin_only():
    @hookimpl
    def swaplab_demo_models():
        raise RuntimeError("out of ideas")

    module = types.SimpleNamespace(swaplab_demo_models=swaplab_demo_models)
    catalogue = Catalogue.of(Proper, plugins={"proper": module})
    assert catalogue.hooks.demo_models({}.get) == ()
    by_group = {record.group: record for record in catalogue.records}
    assert by_group[PLUGINS].state is PluginState.DEGRADED
    assert by_group[PLUGINS].error == "RuntimeError: out of ideas"
    assert by_group[PLUGINS].hooks == ("swaplab_demo_models",)
    assert by_group[BACKENDS].state is PluginState.OK
