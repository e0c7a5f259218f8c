from __future__ import annotations

import asyncio

import pytest

from swaplab_cluster import dgx, operations
from swaplab_cluster.draining import Drains
from swaplab_cluster.inventory import Inventory, InventoryNode
from swaplab_cluster.operations import Operations, ScriptRun, backend_folders, update_plan
from swaplab_cluster.testing import FAILS, FakeLab, FakeWork
from swaplab_core.domain.errors import NodeError

SILENT = NodeError("w1 does not answer")


def node(name: str, executor: str = "ssh") -> InventoryNode:
    return InventoryNode(id=name, data_ip=name, control_ip=name, proxy_ip=name, executor=executor)


INVENTORY = Inventory((node("w1"), node("w2")))


def model(name: str, on: str, *, state: str = "ready", serving: int = 0) -> dict[str, object]:
    return {"id": name, "node": on, "state": state, "serving": serving, "waiting": 0}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(operations, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(operations, "REBOOT_POLL_SECONDS", 0.0)


def run_steps(lab: FakeLab, subject: Operations, plan) -> FakeWork:
    """Run the plan as the job runner does, until it ends or a step raises."""
    work = FakeWork(lab)

    async def main() -> None:
        for step in plan.steps:
            await step.work(work)

    asyncio.run(main())
    return work


def test_a_node_is_drained_updated_waited_for_and_undrained_before_the_next():
    lab = FakeLab([model("a", "w1"), model("b", "w2"), model("c", "w1", state="stopped")])
    lab.answers = {
        "w1": ["@boot 1", "", SILENT, SILENT, "@boot 1", "@boot 2"],
        "w2": ["@boot 7", "", "@boot 8"],
    }
    subject = Operations(lab, INVENTORY)
    plan = update_plan(subject, INVENTORY.nodes, {"w1": True, "w2": True})
    assert [step.title for step in plan.steps] == [
        "Drain w1",
        "Update w1 and reboot it",
        "Wait until w1 is back",
        "Undrain w1",
        "Drain w2",
        "Update w2 and reboot it",
        "Wait until w2 is back",
        "Undrain w2",
    ]
    assert plan.locks == {"node:w1", "node:w2"}
    work = run_steps(lab, subject, plan)
    assert lab.unloaded == ["a", "b"]
    assert [at for at, argv in lab.ran if argv == dgx.UPDATE] == ["w1", "w2"]
    assert "w1 has gone: w1 does not answer" in work.logged
    assert "w1 is back" in work.logged
    assert subject.drains.is_empty
    assert lab.drained == {}


def test_a_node_that_fails_stays_drained_and_the_next_is_left_alone():
    lab = FakeLab([model("a", "w1")], {"w1": [SILENT]})
    subject = Operations(lab, INVENTORY)
    with pytest.raises(NodeError):
        run_steps(lab, subject, update_plan(subject, INVENTORY.nodes, {"w1": True, "w2": True}))
    assert subject.drains.nodes == {"w1": "its system is being updated"}
    assert lab.drained == {"a": "w1 is drained: its system is being updated"}
    assert "w2" not in [at for at, _ in lab.ran]


def test_a_machine_that_goes_down_while_it_is_asked_is_waited_for():
    lab = FakeLab(answers={"w1": ["@boot 1", SILENT, SILENT, "@boot 2"]})
    subject = Operations(lab, INVENTORY)
    work = run_steps(lab, subject, update_plan(subject, INVENTORY.nodes[:1], {"w1": True}))
    assert "w1 does not answer; it is going down already" in work.logged
    assert subject.drains.is_empty


def test_an_update_that_is_refused_ends_it():
    lab = FakeLab(answers={"w1": ["@boot 1", FAILS, "@boot 1"]})
    subject = Operations(lab, INVENTORY)
    with pytest.raises(NodeError, match="w1: the update answered exit code 1"):
        run_steps(lab, subject, update_plan(subject, INVENTORY.nodes, {"w1": True, "w2": True}))
    assert {at for at, _ in lab.ran} == {"w1"}


def test_a_node_that_was_drained_before_stays_so():
    plan = update_plan(Operations(FakeLab(), INVENTORY), INVENTORY.nodes[:1], {"w1": False})
    assert "Undrain w1" not in [step.title for step in plan.steps]


def test_requests_that_run_are_waited_for(monkeypatch):
    lab = FakeLab([model("busy", "w1", serving=1), model("idle", "w1")])
    subject = Operations(lab, INVENTORY)

    async def main() -> None:
        empty = asyncio.ensure_future(subject.empty_node(FakeWork(), "w1"))
        await asyncio.sleep(0.05)
        assert lab.unloaded == ["idle"]
        assert not empty.done()
        lab.models[0]["serving"] = 0
        await empty
        assert lab.unloaded == ["idle", "busy"]

    asyncio.run(main())


def test_requests_that_never_end_are_an_error_in_the_end(monkeypatch):
    monkeypatch.setattr(operations, "DRAIN_SECONDS", 0.0)
    subject = Operations(FakeLab([model("busy", "w1", serving=1)]), INVENTORY)
    with pytest.raises(NodeError, match="requests still run on busy"):
        asyncio.run(subject.empty_node(FakeWork(), "w1"))


def test_stopping_everything_is_told_by_node_and_a_dry_run_stops_nothing():
    lab = FakeLab([model("a", "w1"), model("b", "w1"), model("c", ""), model("d", "w2", state="stopped")])
    subject = Operations(lab, INVENTORY)
    planned = asyncio.run(subject.stop_all(dry_run=True))
    assert lab.unloaded == []
    assert [(one.node, one.models) for one in planned] == [("w1", ("a", "b")), ("", ("c",))]
    assert asyncio.run(subject.stop_all(dry_run=False)) == planned
    assert sorted(lab.unloaded) == ["a", "b", "c"]


def test_the_script_of_a_backend_that_takes_too_long_is_told_as_such():
    lab = FakeLab(answers={"": [NodeError("bash on this machine did not end within 1 s")]})
    ran = asyncio.run(Operations(lab).run_script(ScriptRun("/b", ("bash", "/b/launch-cluster.sh", "stop")), 1.0))
    assert ran.timed_out
    assert "did not end within" in ran.error


def test_the_backends_in_use_are_those_of_the_recipes():
    entries = {
        "a": {"metadata": {"recipe_ui": {"backend_dir": "/x"}}},
        "b": {"metadata": {"recipe_ui": {"backend_dir": "/x"}}},
        "c": {"metadata": {"recipe_ui": {"backend_dir": "relative"}}},
        "d": {"metadata": "nonsense"},
        "e": {},
    }
    assert backend_folders(entries) == ("/x",)


def test_drains_are_told_to_the_daemon_only_when_there_are_some():
    lab = FakeLab([model("a", "w1")])
    subject = Operations(lab, INVENTORY, Drains({"w1": "x"}))
    asyncio.run(subject.apply_drains())
    assert lab.drained == {"a": "w1 is drained: x"}
    subject.drains = Drains()
    asyncio.run(subject.apply_drains())
    assert lab.drained == {}
