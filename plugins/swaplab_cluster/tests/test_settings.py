from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from attrs import evolve

from swaplab_cluster.cluster_nodes import Access, GangReach, lab_nodes, resolved, statuses
from swaplab_cluster.inventory import Gang, Inventory, InventoryNode
from swaplab_cluster.live import files_of
from swaplab_cluster.settings import Chosen, Settings, effective, executor_of, normalised, shown
from swaplab_cluster.settings_routes import wizard_inventory
from swaplab_core.domain.errors import InvalidRequest

FOLDERS = (Path("/etc/lab"), Path("/cwd"))


def node(name: str, **more) -> InventoryNode:
    return InventoryNode(**{"id": name, "data_ip": name, "control_ip": name, "proxy_ip": name, **more})


INVENTORY = Inventory((node("a", head=True), node("b", agent_pin="ab" * 32)), (Gang("ab", ("a", "b")),))


def in_force(environment=None, chosen=None, settings=None, files=()):
    exists = files.__contains__
    return effective(
        settings or Settings(), chosen or Chosen(), environment or {}, FOLDERS, lambda file: exists(str(file))
    )


def test_the_mode_is_local_unless_somebody_says_otherwise():
    assert in_force().exec_mode == "local"
    assert in_force(settings=Settings(exec_mode="agent")).exec_mode == "agent"
    assert in_force({"LLAMA_SWAP_CLUSTER_EXEC_MODE": "AGENT"}, settings=Settings(exec_mode="auto")).exec_mode == "agent"
    assert in_force({"LLAMA_SWAP_CLUSTER_EXEC_MODE": "agent"}, Chosen("local")).exec_mode == "local"
    assert in_force({"LLAMA_SWAP_CLUSTER_EXEC_MODE": "nonsense"}).exec_mode == "local"


def test_the_inventory_is_the_chosen_one_before_the_environments_before_the_settings_before_one_that_is_there():
    there = ("/etc/lab/cluster-inventory.yaml",)
    assert in_force().inventory_file is None
    assert in_force(files=there).inventory_file == Path(there[0])
    assert in_force(settings=Settings(inventory="~/x.yaml"), environment={"HOME": "/h"}).inventory_file == Path(
        "/h/x.yaml"
    )
    variable = {"LLAMA_SWAP_CLUSTER_INVENTORY_FILE": "/env.yaml"}
    assert in_force(variable, settings=Settings(inventory="/x"), files=there).inventory_file == Path("/env.yaml")
    assert in_force(variable, Chosen(inventory_file="/mine.yaml")).inventory_file == Path("/mine.yaml")


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("7.5", 7.5), ("-1", 60), ("soon", 60), ("", 60), ("inf", 60)])
def test_a_time_that_is_none_is_as_if_it_were_not_set(text, seconds):
    assert in_force({"LLAMA_SWAP_CLUSTER_STATUS_CACHE_TTL_SECONDS": text}).status_seconds == seconds


def test_the_variables_of_the_discovery_the_stop_and_the_agents_folder_come_first():
    variables = {
        "LLAMA_SWAP_CLUSTER_AUTODISCOVER_PATH": "/opt/autodiscover.sh",
        "LLAMA_SWAP_CLUSTER_STOP_TIMEOUT_SECONDS": "7",
        "LLAMA_SWAP_CLUSTER_AGENT_REMOTE_ROOT": "$HOME/lab",
        "LLAMA_SWAP_AGENT_TOKEN_FILE": "/etc/token",
    }
    there = in_force(variables, settings=Settings(autodiscover="/mine.sh", agent_token_file="/mine"))
    assert (there.autodiscover, there.stop_seconds, there.agent_root) == ("/opt/autodiscover.sh", 7, "$HOME/lab")
    assert there.agent_token_file == Path("/etc/token")
    assert in_force(settings=Settings(autodiscover="/mine.sh")).autodiscover == "/mine.sh"


def test_the_environment_fills_in_what_the_inventory_leaves_open():
    environment = {
        "LLAMA_SWAP_CLUSTER_DEFAULT_SSH_USER": "ops",
        "LLAMA_SWAP_AGENT_DEFAULT_PORT": "19999",
        "LLAMA_SWAP_CLUSTER_RDMA_REQUIRED": "1",
        "LLAMA_SWAP_CLUSTER_RDMA_IB_IF": "mlx5_0, mlx5_1",
        "LLAMA_SWAP_CLUSTER_RDMA_ETH_IF": "eth9",
        "LLAMA_SWAP_CLUSTER_HEAD_NODE": "b",
    }
    filled = normalised(INVENTORY, Settings(ssh_user="other"), environment)
    assert [one.id for one in filled.nodes] == ["b", "a"]
    assert {one.ssh_user for one in filled.nodes} == {"ops"}
    assert filled.agent_port == 19999
    assert (filled.rdma.required, filled.rdma.ib_if, filled.rdma.eth_if) == (True, ("mlx5_0", "mlx5_1"), "eth9")


def test_a_head_that_is_no_node_is_refused_with_those_there_are():
    with pytest.raises(InvalidRequest, match="names 'z'") as caught:
        normalised(INVENTORY, Settings(), {"LLAMA_SWAP_CLUSTER_HEAD_NODE": "z"})
    assert "a, b" in caught.value.advice


def test_the_executor_of_a_node():
    assert executor_of("local", "", "pin") == "ssh"
    assert executor_of("agent", "", "") == "agent"
    assert executor_of("agent", "local", "") == "local"
    assert executor_of("auto", "", "pin") == "agent"
    assert executor_of("auto", "", "") == "ssh"


def test_nodes_of_the_daemon_carry_what_their_executor_needs():
    how = Access(Path("/known"), "/id", token_file=Path("/token"), lease_seconds=9.0)
    first, second, gang = lab_nodes(resolved(INVENTORY, "auto"), how)
    assert (first.executor, first.reach.host, first.reach.known_hosts) == ("ssh", "a", Path("/known"))
    assert (second.executor, second.reach.port, second.reach.lease_seconds) == ("agent", 19090, 9.0)
    assert (gang.executor, gang.address) == ("gang", "a")
    [apart] = lab_nodes(Inventory((node("c", data_ip="10.0.0.3", control_ip="192.0.2.3"),)), how)
    assert [apart.is_called(name) for name in ("c", "10.0.0.3", "192.0.2.3", "192.0.2.4")] == [True, True, True, False]
    assert isinstance(gang.reach, GangReach)
    assert gang.reach.members == (("a", "a"), ("b", "b"))


def test_without_an_inventory_there_is_this_machine():
    [alone] = statuses(None)
    assert (alone.is_local, alone.node_id) == (True, "")


def test_the_answer_of_the_settings_leaves_out_what_there_is_not():
    assert shown(in_force()) == {"execMode": "local"}
    answer = shown(in_force({"LLAMA_SWAP_CLUSTER_EXEC_MODE": "agent"}, Chosen("auto", "/x.yaml")))
    assert answer == {
        "execMode": "auto",
        "requestedExecMode": "auto",
        "inventoryFile": "/x.yaml",
        "clusterExecModeEnv": "agent",
    }


def test_the_wizard_makes_an_inventory():
    inventory = wizard_inventory({"nodes": "192.0.2.2\n192.0.2.3, 192.0.2.2", "headNode": "192.0.2.9", "ibIf": "a,b"})
    assert [(one.id, one.data_ip, one.head) for one in inventory.nodes] == [
        ("head", "192.0.2.9", True),
        ("node-1", "192.0.2.2", False),
        ("node-2", "192.0.2.3", False),
    ]
    assert inventory.rdma.required
    assert not wizard_inventory({"nodes": ["192.0.2.2"]}).rdma.required


@pytest.mark.parametrize(
    "body",
    [{}, {"nodes": "-oProxyCommand=x"}, {"nodes": "a", "defaultSshUser": "a b"}, {"nodes": "a", "ethIf": "$(id)"}],
)
def test_the_wizard_refuses_what_makes_no_sense(body):
    with pytest.raises(InvalidRequest):
        wizard_inventory(body)


def test_a_node_that_is_this_machine_is_looked_at_without_a_connection():
    here = evolve(INVENTORY, nodes=(node("me", executor="local"), node("far", executor="agent")))
    assert [(one.is_local, one.is_agent) for one in statuses(here)] == [(True, False), (False, True)]


def test_what_is_chosen_in_the_ui_is_kept_where_the_variable_says(tmp_path, monkeypatch):
    lab = SimpleNamespace(state_folder=lambda _: tmp_path / "state")
    assert files_of(lab).settings_file == tmp_path / "state" / "cluster_settings.json"
    monkeypatch.setenv("LLAMA_SWAP_CLUSTER_SETTINGS_FILE", str(tmp_path / "mine.json"))
    (tmp_path / "mine.json").write_text('{"ExecMode": "agent"}')
    assert files_of(lab).read_chosen() == Chosen("agent")
