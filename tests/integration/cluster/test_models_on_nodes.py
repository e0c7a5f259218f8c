"""Models on other machines, through one proxy."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

from node_models import alone, sim_on

from swaplab_cluster.testing_sshd import make_key
from swaplab_core.testing.waiting import wait_until


def test_the_real_llama_server_runs_on_the_second_node_and_is_stopped_there(engines):
    swaplab = engines.swaplab.renew()
    assert swaplab.chat("far").said == "Hello from a node."
    record = swaplab.model("far")
    assert record["node"] == "n2"
    assert record["base_url"].startswith("http://127.0.0.2:")
    [engine] = engines.field.living()
    assert engine == record["pid"]
    assert swaplab.chat("local").status == 200
    assert swaplab.ask("POST", "/api/models/unload/far").status == 200
    wait_until(lambda: engine not in engines.field.living(), "the engine on the node to be gone")
    assert swaplab.chat("local").status == 200


def test_a_program_that_is_not_on_the_node_is_a_clear_error(over_ssh):
    with over_ssh.serving({"x": {"cmd": "no-such-engine --port ${PORT}", "node": "n3"}}) as swaplab:
        error = swaplab.chat("x").error
        assert "n3: no-such-engine was not started: there is no program no-such-engine" in error["message"]
        assert "install it on n3" in error["message"]


def test_a_changed_host_key_is_refused_with_what_to_do(over_ssh, tmp_path, sshd_nodes):
    make_key(tmp_path / "stranger")
    kind, key = (tmp_path / "stranger.pub").read_text().split()[:2]
    known = tmp_path / "changed"
    known.write_text(f"[127.0.0.2]:{sshd_nodes.port} {kind} {key}\n")
    over_ssh.settings["knownHosts"] = str(known)
    with over_ssh.serving({"a": sim_on("n2", "127.0.0.2"), "b": sim_on("n3", "127.0.0.3")}) as swaplab:
        message = swaplab.chat("a").error["message"]
        assert "the host key of 127.0.0.2 has changed" in message
        assert message.count("SHA256:") == 2
        assert "somebody may stand in between" in message
        assert "is not pinned" in swaplab.chat("b").error["message"]


def test_a_port_that_is_taken_on_the_node_is_not_used(engines):
    swaplab = engines.swaplab.renew()
    with socket.socket() as first, socket.socket() as second:
        for at, taken in enumerate((first, second)):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.3", swaplab.ports[at]))
            taken.listen()
        assert swaplab.chat("engine").said == "Hello from a node."
        assert int(swaplab.model("engine")["base_url"].rpartition(":")[2]) not in swaplab.ports[:2]
        assert "already listens on port" in swaplab.chat("fixed").error["message"]


def test_a_daemon_that_is_killed_leaves_nothing_on_the_nodes(over_ssh):
    with over_ssh.serving({"a": sim_on("n2", "127.0.0.2")}, killed=True) as swaplab:
        assert swaplab.chat("a").status == 200
        os.kill(swaplab.process.pid, signal.SIGKILL)


def test_through_agents_and_with_no_engine_on_the_control_host(agent_lab):
    swaplab = agent_lab.swaplab.renew()
    assert swaplab.chat("a").status == 200
    assert swaplab.chat("b").status == 200
    engines = set(agent_lab.field.living())
    assert len(engines) == 2
    assert not set(swaplab.living()) & engines, "no engine descends from the control host's daemon"


def parents(pid: int) -> list[int]:
    """The pid of its parent, and so on."""
    found = []
    while pid > 1:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        found.append(pid)
    return found


def test_a_gang_starts_as_one_and_a_rank_that_is_killed_ends_it(agent_lab, agents):
    swaplab, field = agent_lab.swaplab.renew(), agent_lab.field
    assert swaplab.chat("big").status == 200
    ranks = field.living()
    assert len(ranks) == 3
    assert {agent.process.pid for agent in agents.values()} <= {pid for rank in ranks for pid in parents(rank)}
    began = time.monotonic()
    victim = next(rank for rank in ranks if agents["n3"].process.pid in parents(rank))
    os.kill(victim, signal.SIGKILL)
    swaplab.wait_for("big", state="stopped")
    wait_until(lambda: not field.living(), "the other ranks to be gone")
    assert time.monotonic() - began < 45.0
    swaplab.wait_for_log("rank 1 has ended (killed by signal 9); stopping the others")
    assert swaplab.chat("big").status == 200, "it is started afresh"


def test_a_gang_of_which_one_rank_cannot_start_leaves_nothing(agent_lab):
    swaplab = agent_lab.swaplab.renew()
    message = swaplab.chat("broken").error["message"]
    assert "trio: rank 0 on n2 was not started" in message
    assert "does not allow python0" in message
    assert agent_lab.field.living() == []


def test_a_node_that_is_pulled_fails_its_models_and_heals(far, spaces):
    model = "a"
    here, there, other = "127.0.0.1", spaces.address(0), spaces.address(1)
    models = {"a": sim_on("n2", there), "b": sim_on("n3", other), "local": sim_on("", here)}
    with far.serving(models, **alone(*models)) as swaplab:
        for name in models:
            assert swaplab.chat(name).status == 200
        spaces.pull(0)
        began = time.monotonic()
        swaplab.wait_for(model, state="stopped")
        assert time.monotonic() - began < 45.0
        assert swaplab.chat("b").status == 200
        assert swaplab.chat("local").status == 200
        error = swaplab.chat(model).error
        assert "n2" in error["message"]
        assert "does not answer" in error["message"]
        spaces.plug(0)
        wait_until(lambda: swaplab.chat(model).status == 200, "the node to heal")
        assert swaplab.chat("b").status == 200
