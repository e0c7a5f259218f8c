"""Which machine a model is loaded on: what the entry says, or what plugins answer."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.node import Node, NodeId
from swaplab_core.domain.placement import Placement, Refusal
from swaplab_core.plugin import FindsPorts, hookimpl
from swaplab_core.plugin.catalogue import Catalogue, PluginState
from swaplab_core.runtime.nodes import THIS, Nodes
from swaplab_core.runtime.placement import Placer
from swaplab_core.testing.fake_executor import FakeExecutor

FAR = Node(NodeId("far"), "far", "fake", "192.0.2.1")


class Chooses:
    @hookimpl
    async def swaplab_place_model(self, request):
        return Placement(NodeId("far"), "roomy") if request.metadata.get("big") else None

    @hookimpl
    async def swaplab_admit_model(self, request, node):
        return Refusal(f"{node.title} is full", "wait") if request.model == "fat" else None


class Broken:
    @hookimpl
    async def swaplab_place_model(self):
        raise ZeroDivisionError

    @hookimpl
    async def swaplab_admit_model(self):
        raise ZeroDivisionError


class Ports(FakeExecutor):
    async def free_port(self, node, wanted):
        if wanted == 1:
            raise NodeError("silent")
        return wanted + 1


def placer(*plugins: type, executor=FakeExecutor) -> Placer:
    catalogue = Catalogue.of(plugins={plugin.__name__.lower(): plugin for plugin in plugins})
    return Placer(Nodes({"fake": executor(None)}, lambda: [FAR]), catalogue.hooks, lambda: None)


def placed(entry: ModelConfig, *plugins: type) -> Node:
    return asyncio.run(placer(*plugins).node_for(entry))


def entry(name: str = "m", **more) -> ModelConfig:
    return ModelConfig(id=ModelId(name), **more)


def test_what_the_entry_says_holds():
    assert placed(entry()) == THIS
    assert placed(entry(node="far"), Chooses) == FAR


@pytest.mark.parametrize(
    ("written", "meant"),
    [("far", FAR), ("192.0.2.1", FAR), ("10.0.0.1", FAR), ("198.51.100.7", THIS), ("192.0.2.9", None)],
)
def test_a_node_may_be_named_by_an_address_as_older_entries_do(written, meant):
    far = evolve(FAR, addresses=("10.0.0.1",))
    nodes = Nodes({"fake": FakeExecutor(None)}, lambda: [far], lambda: {"198.51.100.7"})
    subject = Placer(nodes, Catalogue.of().hooks, lambda: None)
    if meant is None:
        with pytest.raises(StartFailed, match="no node is called"):
            asyncio.run(subject.node_for(entry(node=written)))
    else:
        assert asyncio.run(subject.node_for(entry(node=written))).id == meant.id


def test_an_unknown_node_is_named_with_those_that_are_known():
    with pytest.raises(StartFailed, match="no node is called 'near'") as caught:
        placed(entry(node="near"))
    assert "far" in caught.value.advice


def test_auto_is_answered_by_a_plugin():
    assert placed(entry(node="auto", metadata={"big": True}), Chooses) == FAR


def test_auto_that_nobody_answers_fails_with_what_to_do():
    with pytest.raises(StartFailed, match="no machine was found for m"):
        placed(entry(node="auto"), Chooses)


def test_a_refusal_is_the_error_of_the_start():
    with pytest.raises(StartFailed, match="fat was not started: far is full") as caught:
        placed(entry("fat", node="far"), Chooses)
    assert caught.value.advice == "wait"


def test_a_plugin_that_raises_loses_its_own_answer_only():
    catalogue = Catalogue.of(plugins={"broken": Broken, "chooses": Chooses})
    subject = Placer(Nodes({"fake": FakeExecutor(None)}, lambda: [FAR]), catalogue.hooks, lambda: None)
    assert asyncio.run(subject.node_for(entry(node="auto", metadata={"big": True}))) == FAR
    assert {record.name: record.state for record in catalogue.records}["broken"] is PluginState.DEGRADED


def test_a_port_is_found_by_the_executor_that_can():
    assert isinstance(Ports(None), FindsPorts)
    assert asyncio.run(placer(executor=Ports).port_on(FAR, 5800)) == 5801
    assert asyncio.run(placer().port_on(FAR, 5800)) == 5800
    assert asyncio.run(placer(executor=Ports).port_on(THIS, 5800)) == 5800
    with pytest.raises(StartFailed, match="silent"):
        asyncio.run(placer(executor=Ports).port_on(FAR, 1))
