from __future__ import annotations

from swaplab_cluster.draining import Drains, ModelRecord, body, drained_models, on_node, records
from swaplab_cluster.inventory import Gang, Inventory, InventoryNode
from swaplab_core.domain.ids import ModelId


def node(name: str, executor: str = "ssh") -> InventoryNode:
    return InventoryNode(id=name, data_ip=name, control_ip=name, proxy_ip=name, executor=executor)


INVENTORY = Inventory((node("head", "local"), node("w1"), node("w2")), (Gang("both", ("w1", "w2")),))


def model(name: str, on: str = "", **more) -> ModelRecord:
    return ModelRecord(ModelId(name), on, **more)


MODELS = (model("here"), model("one", "w1", state="ready", serving=2), model("two", "w2"), model("gang", "both"))


def test_a_drained_node_takes_its_models_and_those_of_its_gangs():
    drained = drained_models(Drains().with_node("w1", "an update"), MODELS, INVENTORY)
    assert drained == {"one": "w1 is drained: an update", "gang": "w1 is drained: an update"}


def test_models_of_no_node_are_those_of_this_machine():
    assert drained_models(Drains({"head": "x"}), MODELS, INVENTORY).keys() == {"here"}
    assert drained_models(Drains({"": "x"}), MODELS, None).keys() == {"here"}


def test_undraining_takes_the_reason_away():
    drains = Drains().with_node("w1", "x").with_model("two", "y")
    assert drained_models(drains.with_node("w1", None), MODELS, INVENTORY) == {"two": "y"}
    assert drains.with_node("w1", None).with_model("two", None).is_empty


def test_what_still_runs_is_told():
    told = body(Drains({"w1": "x"}, {"two": "y"}), MODELS, INVENTORY)
    assert told["nodes"] == [{"node": "w1", "reason": "x", "running": [{"id": "one", "state": "ready", "serving": 2}]}]
    assert told["models"] == [{"model": "two", "reason": "y", "running": []}]


def test_the_daemons_records_are_read():
    row = {"id": "a", "node": "w1", "state": "ready", "serving": 1, "waiting": 3, "pid": 7}
    assert records({"models": [row]}) == (model("a", "w1", state="ready", serving=1, waiting=3),)
    assert [one.id for one in on_node("w2", MODELS, INVENTORY)] == ["two", "gang"]
