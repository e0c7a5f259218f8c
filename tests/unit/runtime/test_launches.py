"""What a model entry says is laid over what its driver proposes."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath

import pytest
from attrs import evolve

from swaplab_core.builtin.command_backend import CommandOptions
from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.backend import FolderFacts
from swaplab_core.domain.errors import PluginFailed, StartFailed, UnknownDriver
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import HttpCall, LaunchSpec, Readiness, RecipeLaunch, SleepCalls, StopStrategy
from swaplab_core.domain.metering import Progress
from swaplab_core.domain.node import Node, NodeId
from swaplab_core.domain.recipe import Mode, Recipe, RecipeSettings
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.plugin.interface import Backend
from swaplab_core.runtime.launches import Launches, overlay
from swaplab_core.runtime.nodes import THIS

PROPOSED = LaunchSpec(
    ("engine",),
    "http://127.0.0.1:5800",
    env={"A": "driver", "B": "driver"},
    readiness=Readiness("/ready", 1.0, 2.0),
    stop=StopStrategy(("driver-stop",), 99.0),
    sleep=SleepCalls(HttpCall("POST", "/sleep"), HttpCall("POST", "/wake")),
)
ENTRY = ModelConfig(id=ModelId("m"), unload_timeout_seconds=7.0)


class Broken(Backend):
    name = "broken"
    title = "Broken"
    options = CommandOptions

    def launch(self, request):
        raise ZeroDivisionError("in the plugin")

    def progress(self, line):
        raise ZeroDivisionError("in the plugin")


class Reading(Broken):
    name = "reading"

    def progress(self, line):
        return Progress(line)


def launches(**entry) -> Launches:
    catalogue = Catalogue.of(Broken, Reading)
    config = Config(models={ModelId("m"): evolve(ENTRY, **entry)}, health_check_timeout_seconds=33.0)
    return Launches(config, catalogue, lambda name: None)


def test_what_the_entry_does_not_say_is_the_drivers():
    spec = overlay(ENTRY, PROPOSED, 33.0)

    assert spec == evolve(PROPOSED, readiness=Readiness("/ready", 33.0, 2.0), stop=StopStrategy(("driver-stop",), 7.0))


def test_what_the_entry_says_wins():
    entry = evolve(
        ENTRY,
        proxy="http://127.0.0.1:9/base/",
        env={"B": "entry", "C": "entry"},
        check_endpoint="/x",
        check_endpoint_given=True,
        cmd_stop=("bye",),
    )

    spec = overlay(entry, PROPOSED, 33.0)

    assert spec.base_url == "http://127.0.0.1:9/base"
    assert spec.env == {"A": "driver", "B": "entry", "C": "entry"}
    assert spec.readiness.path == "/x"
    assert spec.stop == StopStrategy(("bye",), 7.0)


def test_an_endpoint_of_none_means_ready_at_once():
    entry = evolve(ENTRY, check_endpoint=None, check_endpoint_given=True)

    assert overlay(entry, PROPOSED, 33.0).readiness.path is None


def test_without_any_address_it_says_what_to_write():
    with pytest.raises(StartFailed, match=r"m has no address .*\(set `proxy`, or use \$\{PORT\} in `cmd`\)"):
        overlay(ENTRY, evolve(PROPOSED, base_url=""), 33.0)


def test_a_driver_that_raises_is_named():
    with pytest.raises(PluginFailed, match="the backend 'broken' failed to launch m: ZeroDivisionError"):
        asyncio.run(launches(backend="broken").spec(ModelId("m")))


def test_a_driver_that_is_not_installed_is_named():
    with pytest.raises(UnknownDriver, match=r"'brokn'.*did you mean 'broken'"):
        asyncio.run(launches(backend="brokn").spec(ModelId("m")))


def test_a_model_that_was_removed_meanwhile_is_named():
    with pytest.raises(StartFailed, match="gone was removed from the configuration"):
        asyncio.run(launches().spec(ModelId("gone")))


def test_a_driver_that_fails_to_read_a_line_has_no_progress():
    assert launches(backend="broken").progress(ModelId("m"), "line") is None
    assert launches(backend="reading").progress(ModelId("gone"), "line") is None
    assert launches(backend="reading").progress(ModelId("m"), "line") == Progress("line")


class Ground:
    """This machine, and the one that is asked for."""

    def __init__(self, machine):
        self.machine = machine

    async def node_for(self, entry):
        return self.machine if entry.node else THIS

    async def port_on(self, node, wanted):
        return wanted


class Elsewhere:
    """Another machine, on which every port is taken but 6000."""

    async def node_for(self, entry):
        return Node(NodeId("far"), "far", "ssh", "192.0.2.1")

    async def port_on(self, node, wanted):
        return 6000


class Listening(Broken):
    name = "listening"

    def launch(self, request):
        return LaunchSpec((request.find_program("engine"), str(request.port)), request.base_url, node=request.node)


def elsewhere(backend: type[Backend], name: str) -> LaunchSpec:
    config = Config(models={ModelId("m"): evolve(ENTRY, backend=name, node="auto", port=5800)})
    return asyncio.run(Launches(config, Catalogue.of(backend), lambda _: None, Elsewhere()).spec(ModelId("m")))


def test_on_another_machine_the_port_is_one_that_is_free_there_and_programs_are_found_there():
    spec = elsewhere(Listening, "listening")
    assert spec.argv == ("engine", "6000")
    assert (spec.base_url, spec.node) == ("http://192.0.2.1:6000", "far")


def test_a_command_with_a_fixed_port_is_not_started_when_that_is_taken():
    class Fixed(Listening):
        name = "fixed"
        needs_port = False

    with pytest.raises(StartFailed, match="already listens on port 5800 of far"):
        elsewhere(Fixed, "fixed")


@pytest.mark.parametrize(
    ("head", "node"),
    [
        (Node(NodeId("far"), "far", "ssh", "192.0.2.1"), "far"),
        (Node(NodeId(""), "here", "local", "192.0.2.9"), ""),
        (Node(NodeId("192.0.2.8"), "nobody knows it", "", "192.0.2.8"), ""),
    ],
)
def test_a_cluster_is_started_on_its_head_where_that_is_enrolled(head, node):
    class Says(Backend):
        name = "says"
        title = "Says"
        options = CommandOptions

        def launch(self, request):
            return LaunchSpec(("engine",), request.base_url, node=request.node)

    settings = RecipeSettings("r", mode=Mode.CLUSTER, nodes=(head.address, "192.0.2.7"))

    async def recipe_of(*_):
        where = PurePosixPath("/")
        facts = FolderFacts(where)
        return RecipeLaunch(Recipe("schema1", "r"), settings, facts, where, None, where, where, where, (head,))

    config = Config(models={ModelId("m"): evolve(ENTRY, backend="says", port=5800, recipe=settings)})
    subject = Launches(config, Catalogue.of(Says), lambda name: None, Ground(head), recipe_of)
    spec = asyncio.run(subject.spec(ModelId("m")))
    assert spec.node == node
    assert spec.base_url == (f"http://{head.address}:5800" if node else "http://127.0.0.1:5800")
