from __future__ import annotations

from swaplab_cluster import probe, views
from swaplab_cluster.draining import ModelRecord
from swaplab_cluster.history import CHARTS, History, Sample
from swaplab_cluster.inventory import Gang, Inventory, InventoryNode, Rdma
from swaplab_cluster.node_status import Cluster, NodeStatus, Reach
from swaplab_cluster.pages import panels
from swaplab_core.domain.ids import ModelId

TOLD = """\
@mem MemTotal: 1048576 kB
@mem MemAvailable: 52428 kB
@cpu cpu 0 0 0 0 0 0 0 0
@cpu cpu 50 0 0 50 0 0 0 0
@disk /dev/x 1048576 524288 524288 50% /
@gpu 0, GB10, 17, [N/A], [N/A], [N/A]
@rdma mlx5_0|1|4: ACTIVE|||
@dgx GetUpdatesAvailable|0|b true
@path 0|1|1|nas:/m|nfs4|/m|:|2048|/m
"""
WELL = Reach(port_open=True, port_ms=0.4, shell_ok=True, shell_ms=12.0)


def node(name: str) -> InventoryNode:
    return InventoryNode(id=name, data_ip=name, control_ip=name, proxy_ip=name, executor="ssh")


INVENTORY = Inventory((node("a"), node("b")), (Gang("ab", ("a", "b")),))
KNOWN = NodeStatus(node("a"), node_id="a").heard(WELL, probe.read(TOLD, probe.SECTIONS, ("/m",)), probe.SECTIONS, 1.0)
LOST = NodeStatus(node("b"), node_id="b").heard(Reach(port_error="silent"), None, probe.SECTIONS, 1.0)
CLUSTER = Cluster([KNOWN, LOST], rdma=Rdma(True, "", ("mlx5_1",)))


def test_the_health_of_each_node_is_a_row():
    shown = views.health(CLUSTER)
    row = shown["cells"]["a"]
    assert {key: cell["state"] for key, cell in row.items()} == {
        "port": "ok",
        "shell": "ok",
        "cpu": "ok",
        "memory": "warn",
        "disk": "ok",
        "gpu": "ok",
        "rdma": "err",
        "dgx": "warn",
    }
    assert (row["memory"]["text"], row["cpu"]["text"], row["gpu"]["text"]) == ("95 %", "50 %", "17 %")
    assert row["rdma"]["title"] == "mlx5_1 is not active"
    assert shown["cells"]["b"]["port"] == {"state": "err", "text": "", "title": "silent"}
    assert shown["cells"]["b"]["cpu"]["state"] == "na"
    assert [column["id"] for column in shown["columns"]] == list(row)


def test_a_card_tells_what_runs_on_a_node():
    models = [ModelRecord(ModelId("one"), "a", "ready"), ModelRecord(ModelId("gang"), "ab", "starting")]
    first, second = views.cards(CLUSTER, models, INVENTORY)["items"]
    assert first["items"][-2] == {"label": "Models", "value": "one, gang"}
    assert second["items"][-2]["value"] == "gang"
    assert first["state"] == {"state": "ok", "text": "well", "title": ""}
    assert (second["state"]["text"], second["text"]) == ("not reachable", "silent")

    assert first["context"] == {"node": "a"}
    assert "cluster:drain" in first["actions"]


def test_the_table_has_what_is_asked_before_something_is_done():
    first, second = views.table(CLUSTER)["items"]
    assert (first["node"], first["state"]["text"], first["free"]) == ("a", "well", 51 * 2**20)
    assert (second["state"], second["free"]) == ({"state": "err", "text": "not reachable"}, None)


def test_the_summary_is_a_hint():
    [hint] = views.summary(CLUSTER)
    assert (hint["level"], hint["text"]) == ("warn", "1 of 2 nodes cannot be reached: b.")


def test_the_setting_tells_the_discovery_script_and_the_interfaces():
    known = Cluster([KNOWN], autodiscover_path="/opt/autodiscover.sh", eth_if="enp1s0", ib_if="rocep1,rocep2")
    shown = {item["label"]: item["value"] for item in views.setting(known)["items"]}
    assert (shown["Discovery script"], shown["Ethernet interface"]) == ("/opt/autodiscover.sh", "enp1s0")
    assert (shown["RDMA interfaces"], shown["This machine"]) == ("rocep1, rocep2", None), "what is unknown is left open"


def test_storage_is_paths_by_nodes():
    shown = views.storage([KNOWN])
    assert shown["rows"] == [{"id": "/m", "title": "/m"}]
    assert shown["cells"]["/m"]["a"] == {"state": "ok", "text": "2 MiB shared", "title": "nfs4 nas:/m on /m"}


def test_a_chart_has_a_line_for_each_node_over_the_moments_of_all():
    history = History()
    history.add("a", Sample(10.0, True, 5.0))
    history.add("b", Sample(20.0, True, 7.0))
    history.add("a", Sample(20.4, True, 6.0))
    shown = views.lines(history, ["a", "b"], "cpu")
    assert shown["t"] == [10, 20]
    assert [line["values"] for line in shown["series"]] == [[5.0, 6.0], [None, 7.0]]


def test_the_page_has_a_view_for_everything_that_is_told():
    [page] = panels().views
    tabs = page.props["children"]
    assert [tab["id"] for tab in tabs] == ["overview", "nodes", "health", "charts", "storage", "disks", "cache"]
    charts = next(tab for tab in tabs if tab["id"] == "charts")
    assert len(charts["props"]["children"]) == len(CHARTS)


def test_the_overview_has_a_word_for_each_node():
    assert [(item["label"], item["value"]["text"]) for item in views.badges(CLUSTER)["items"]] == [
        ("a", "well"),
        ("b", "not reachable"),
    ]
    assert [view.slot for view in panels(["a"]).views].count("dashboard.cards") == 1
    assert [view.slot for view in panels().views].count("dashboard.cards") == 0, "nothing to say of one machine alone"
