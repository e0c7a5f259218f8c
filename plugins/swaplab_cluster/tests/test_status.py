from __future__ import annotations

from attrs import evolve

from swaplab_cluster import probe
from swaplab_cluster.facts import Facts, StoredPath
from swaplab_cluster.inventory import InventoryNode
from swaplab_cluster.node_status import Cluster, NodeStatus, Reach
from swaplab_cluster.status import body, overall, sections_of
from swaplab_cluster.storage import candidates, storage_matrix

ALL = frozenset(probe.SECTIONS)
WELL = Reach(port_open=True, port_ms=0.2, shell_ok=True, shell_ms=0.0)
SILENT = Reach(port_error="192.0.2.2 port 22 did not answer within 2 s")


def machine(number: int, reach: Reach | None = WELL, *paths: StoredPath, local: bool = False) -> NodeStatus:
    address = f"192.0.2.{number}"
    node = InventoryNode(id=f"n{number}", data_ip=address, control_ip=address, proxy_ip=address)
    status = NodeStatus(node, is_local=local)
    if reach is None:
        return status
    facts = Facts(host=f"host{number}", paths=tuple(paths) or None) if reach.is_well else None
    return status.heard(reach, facts, ["storage"] if paths else [], 1000.0)


def test_one_word_for_the_whole():
    local = machine(1, local=True)
    assert overall(Cluster([])) == "error"
    assert overall(Cluster([local], errors=["x"])) == "solo"
    assert overall(Cluster([local, machine(2)])) == "healthy"
    assert overall(Cluster([local, machine(2)], errors=["x"])) == "degraded"
    assert overall(Cluster([local, machine(2, SILENT)])) == "degraded"
    assert overall(Cluster([local, machine(2, Reach(port_open=True, shell_error="no"))])) == "degraded"


def test_a_request_says_what_it_wants_and_unknown_words_are_ignored():
    assert sections_of("full", None) == ALL
    assert sections_of("other", None) == ALL
    assert sections_of("summary", "metrics") == frozenset()
    assert sections_of("full", "metrics, nonsense,DGX") == {"metrics", "dgx"}
    assert sections_of("full", "") == frozenset()


def test_the_local_machine_comes_first_and_latencies_of_zero_are_told():
    answer = body(Cluster([machine(2), machine(9, local=True)]), frozenset(), 1000.0)
    assert [node["id"] for node in answer["nodes"]] == ["n9", "n2"]
    assert answer["nodes"][1]["port22LatencyMs"] == 0
    assert answer["nodes"][1]["sshLatencyMs"] == 0
    assert (answer["nodeCount"], answer["remoteCount"], answer["reachableBySsh"]) == (2, 1, 2)
    assert answer["detectedAt"] == "1970-01-01T00:16:40Z"


def test_what_went_wrong_is_said_once_in_the_nodes_error():
    answer = body(Cluster([machine(1, local=True), machine(2, SILENT)]), frozenset(), 1000.0)
    assert answer["nodes"][1]["error"] == f"port22: {SILENT.port_error}"
    assert answer["summary"] == "1 of 2 nodes cannot be reached: n2."
    assert "storage" not in answer


def test_a_machine_that_stops_answering_tells_no_old_figures():
    facts = probe.read("@mem MemTotal: 2048 kB\n@host a", ALL)
    told = machine(2).heard(WELL, facts, ALL, 1000.0)
    lost = told.heard(SILENT, None, ALL, 1010.0)
    shown = body(Cluster([lost]), ALL, 1010.0)["nodes"][0]
    assert shown["memory"] == {"queriedAt": "1970-01-01T00:16:50Z", "error": "node not reachable"}
    assert shown["dgx"]["supported"] is False


def test_a_look_at_one_section_keeps_the_others():
    told = machine(2).heard(WELL, probe.read("@mem MemTotal: 2048 kB", ALL), ALL, 1000.0)
    again = told.heard(WELL, probe.read("", ["dgx"]), ["dgx"], 1100.0)
    assert again.facts.metrics == told.facts.metrics
    assert again.age("metrics", 1200.0) == 200.0
    assert again.age("dgx", 1200.0) == 100.0


def stored(path: str, identity: str = "", *, exists: bool = True) -> StoredPath:
    return StoredPath(path, exists, 2048, identity=identity)


def test_a_shared_mount_is_no_duplicate():
    nodes = [
        machine(number, WELL, stored("/own"), stored("/nas", "nfs4:nas:/m"), stored("/none", exists=False))
        for number in (1, 2, 3)
    ]
    matrix = storage_matrix([*nodes, machine(4, SILENT)])
    assert matrix["duplicatePaths"] == ["/own"]
    assert matrix["sharedPaths"] == matrix["sharedAllPaths"] == ["/nas"]
    assert matrix["nodes"][0]["presentCount"] == 2
    assert matrix["nodes"][0]["paths"][0]["sizeMiB"] == 2


def test_two_mounts_of_different_storage_are_a_duplicate():
    nodes = [machine(1, WELL, stored("/m", "nfs4:a:/m")), machine(2, WELL, stored("/m", "nfs4:b:/m"))]
    assert storage_matrix(nodes)["duplicatePaths"] == ["/m"]


def test_what_only_some_share_is_not_shared_by_all():
    nodes = [machine(n, WELL, stored("/m", "nfs4:a:/m")) for n in (1, 2)] + [
        machine(3, WELL, stored("/m", exists=False))
    ]
    matrix = storage_matrix(nodes)
    assert (matrix["sharedPaths"], matrix["sharedAllPaths"]) == (["/m"], [])


def test_the_paths_to_look_for_follow_the_environment_unless_they_are_configured():
    assert "~/.cache/huggingface/hub" in candidates({})
    assert candidates({"HF_HOME": "/hf"})[-3:] == ("/hf", "/hf/hub", "/hf/datasets")
    assert candidates({"TRANSFORMERS_CACHE": "/tf"})[-1] == "/tf"
    assert candidates({"HF_HOME": "/hf"}, ["/a", "/a", "~/b"]) == ("/a", "~/b")


def test_a_drained_node_says_so():
    assert body(Cluster([evolve(machine(1), drained=True)]), frozenset(), 0.0)["nodes"][0]["drained"] is True
