"""The cluster's HTTP routes, with real machines behind them."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from running_swaplab import Swaplab


@pytest.fixture(scope="module")
def silent():
    """A port that takes connections and never says a word; how many came."""
    came = []
    with socket.create_server(("127.0.0.5", 0), backlog=50) as listener:
        stop = threading.Event()

        def listen() -> None:
            listener.settimeout(0.1)
            while not stop.is_set():
                try:
                    came.append(listener.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        yield listener.getsockname()[1], came
        stop.set()
        thread.join()
        for connection in came:
            connection.close()


def status(swaplab: Swaplab, query: str = "") -> dict[str, object]:
    answer = swaplab.ask("GET", f"/api/cluster/status{query}")
    assert answer.status == 200, answer.text
    return answer.json() | {"headers": answer.headers}


def test_the_health_of_three_nodes_and_a_silent_one(over_ssh, silent):
    port, came = silent
    file = over_ssh.folder / "cluster-inventory.yaml"
    with over_ssh.serving({}) as swaplab:
        first = status(swaplab, "?include=metrics,storage")
        assert first["overall"] == "healthy"
        assert (first["nodeCount"], first["remoteCount"], first["reachableBySsh"]) == (3, 3, 3)
        for node in first["nodes"]:
            assert node["port22Open"], node
            assert node["sshOk"], node
            assert node["memory"]["totalMiB"] > 0
            assert 0 <= node["cpu"]["usagePercent"] <= 100
            assert node["disk"]["totalMiB"] > 0
        assert first["headers"]["X-Cluster-Cache-State"] == "miss"
        assert "total;dur=" in first["headers"]["Server-Timing"]
        again = status(swaplab, "?include=metrics")
        assert again["headers"]["X-Cluster-Cache-State"] == "fresh"
        assert "storage" not in again

        file.write_text(
            file.read_text() + f"  - {{id: n5, data_ip: 127.0.0.5, control_ip: 127.0.0.5, ssh_port: {port}}}\n"
        )
        began = time.monotonic()
        degraded = status(swaplab, "?force=1")
        took = time.monotonic() - began
        assert degraded["overall"] == "degraded"
        [lost] = [node for node in degraded["nodes"] if not node["sshOk"]]
        assert lost["id"] == "n5"
        assert lost["port22Open"]
        assert "does not answer" in lost["sshError"]
        assert lost["memory"]["error"] == "node not reachable"
        assert took < 30.0, "the time limit was paid once, not per metric"
        assert len(came) <= 3, "one dial, one connection"
        assert status(swaplab, "?view=summary")["summary"] == "1 of 4 nodes cannot be reached: n5."


def test_an_inventory_that_cannot_be_read_is_told_with_its_line(over_ssh):
    file = over_ssh.folder / "cluster-inventory.yaml"
    with over_ssh.serving({}) as swaplab:
        file.write_text("nodes:\n  - {id: a}\n")
        answer = swaplab.ask("GET", "/api/cluster/status")
        assert answer.status == 500
        assert "cluster-inventory.yaml:2: nodes[0]: data_ip is missing" in answer.json()["error"]
        assert "autodiscoverPath" in answer.json()


def test_whoever_chooses_a_machine_is_told_which_there_are(ssh_lab):
    told = ssh_lab.swaplab.ask("GET", "/api/nodes").json()["items"]
    assert [(node["id"], node["executor"], node["address"]) for node in told] == [
        (f"n{number}", "ssh", f"127.0.0.{number}") for number in (2, 3, 4)
    ]


def test_dgx_updates_are_refused_unless_they_are_plainly_asked_for(ssh_lab):
    def refused(swaplab: Swaplab, body: object) -> str:
        answer = swaplab.ask_as_admin("POST", "/api/cluster/dgx/update", json_body=body)
        assert answer.status == 400, answer.text
        return answer.text

    swaplab, field = ssh_lab.swaplab, ssh_lab.field
    swaplab.ask("GET", "/api/cluster/status?force=1")  # the look at the start is over
    before = logins(field)
    refused(swaplab, {})
    refused(swaplab, {"targets": []})
    assert "not in the inventory: 192.0.2.77" in refused(swaplab, {"targets": ["n2", "192.0.2.77"]})
    json_type = {"Content-Type": "application/json"}
    pieces = iter([b'{"targets":', b'["n2"]}'])
    chunked = swaplab.ask_as_admin("POST", "/api/cluster/dgx/update", body=pieces, headers=json_type)
    assert chunked.status == 400
    asked = swaplab.ask_as_admin("POST", "/api/cluster/dgx/update", json_body={"targets": ["n2"]})
    assert asked.status == 409
    assert asked.json()["plan"] == [{"node": "n2", "ip": "127.0.0.2", "unloads": []}]
    wrong = swaplab.ask_as_admin("POST", "/api/cluster/dgx/update", json_body={"targets": ["n2"], "confirm": "guess"})
    other = {"targets": ["n3"], "confirm": asked.json()["confirm"]}
    assert wrong.status == 409
    assert swaplab.ask_as_admin("POST", "/api/cluster/dgx/update", json_body=other).status == 409
    assert swaplab.ask("GET", "/api/jobs").json()["jobs"] == []
    assert logins(field) == before, "nothing was sent to any node"


def logins(field) -> int:
    """How often somebody has logged in, on all machines together."""
    return sum(process.output().count("Accepted publickey") for process in field.sshd.processes.values())


def test_a_drained_node_takes_no_models_until_it_is_undrained(ssh_lab):
    swaplab = ssh_lab.swaplab.renew()
    assert swaplab.chat("a").status == 200
    told = swaplab.ask_as_admin("POST", "/api/drain", json_body={"node": "n2", "reason": "a new cable"})
    assert told.json()["nodes"] == [
        {"node": "n2", "reason": "a new cable", "running": [{"id": "a", "state": "ready", "serving": 0}]}
    ]
    refused = swaplab.chat("a")
    assert refused.status == 503
    assert "n2 is drained: a new cable" in refused.error["message"]
    assert swaplab.chat("b").status == 200
    assert swaplab.ask_as_admin("POST", "/api/drain", json_body={"node": "nowhere"}).status == 404
    assert swaplab.ask_as_admin("POST", "/api/drain", json_body={}).status == 400
    assert swaplab.ask_as_admin("DELETE", "/api/drain?node=n2").json() == {"nodes": [], "models": []}
    assert swaplab.chat("a").status == 200


def test_stopping_everything_tells_first_and_then_does_it(ssh_lab):
    swaplab = ssh_lab.swaplab.renew()
    for name in ("a", "local"):
        assert swaplab.chat(name).status == 200
    dry = swaplab.ask_as_admin("POST", "/api/cluster/stop", json_body={"dryRun": True}).json()
    assert dry["message"].startswith("2 models would be stopped")
    assert swaplab.model("a")["state"] == "ready"
    answer = swaplab.ask_as_admin("POST", "/api/cluster/stop", json_body={})
    assert answer.status == 200, answer.text
    done = answer.json()
    assert done["message"] == "2 models stopped; stop scripts skipped: no backend in use has one"
    stopped = {(one["node"], *one["models"], one["ok"]) for one in done["nodes"]}
    assert stopped == {("n2", "a", True), ("", "local", True)}
    assert ssh_lab.field.living() == []


def test_settings_are_chosen_kept_and_given_up_again(ssh_lab):
    swaplab, file = ssh_lab.swaplab, str(ssh_lab.field.folder / "cluster-inventory.yaml")
    assert swaplab.ask("GET", "/api/cluster/settings").json()["execMode"] == "local"
    assert swaplab.ask_as_admin("PUT", "/api/cluster/settings", json_body={"execMode": "ftp"}).status == 400
    assert swaplab.ask_as_admin("PUT", "/api/cluster/settings", json_body={"inventoryFile": "/no/such"}).status == 400
    chosen = {"execMode": "agent", "inventoryFile": file}
    told = swaplab.ask_as_admin("PUT", "/api/cluster/settings", json_body=chosen).json()
    assert (told["execMode"], told["inventoryFile"], told["inventoryExists"]) == ("agent", file, True)
    assert status(swaplab, "?view=summary")["connectivityMode"] == "agent"
    assert swaplab.ask_as_admin("PUT", "/api/cluster/settings", json_body={}).json()["execMode"] == "local"


def test_the_wizard_writes_an_inventory_and_overwrites_none_unasked(ssh_lab):
    swaplab, new = ssh_lab.swaplab, str(ssh_lab.field.folder / "mine.yaml")
    body = {"nodes": "192.0.2.1\n192.0.2.2", "defaultSshUser": "ops", "inventoryFile": new}
    made = swaplab.ask_as_admin("POST", "/api/cluster/settings/wizard", json_body=body).json()
    assert made["wizard"] == {"inventoryFile": new, "nodes": ["192.0.2.1", "192.0.2.2"], "headNode": "192.0.2.1"}
    assert made["settings"]["inventoryFile"] == new
    other = {**body, "nodes": "192.0.2.9"}
    assert swaplab.ask_as_admin("POST", "/api/cluster/settings/wizard", json_body=other).status == 409
    assert (
        swaplab.ask_as_admin("POST", "/api/cluster/settings/wizard", json_body={**other, "overwrite": True}).status
        == 200
    )
    assert swaplab.ask_as_admin("POST", "/api/cluster/settings/wizard", json_body={"nodes": "-x"}).status == 400
    unmade = ssh_lab.field.folder / "unmade.yaml"
    wrong = {**body, "inventoryFile": str(unmade), "execMode": "by hand"}
    assert swaplab.ask_as_admin("POST", "/api/cluster/settings/wizard", json_body=wrong).status == 400
    assert not unmade.exists(), "who is refused has written nothing"
    assert swaplab.ask_as_admin("PUT", "/api/cluster/settings", json_body={}).status == 200, "as it was"
