"""A daemon killed with SIGKILL leaves no engine behind, nor an engine's children."""

from __future__ import annotations

import os
import shlex
import signal

import pytest
from running_swaplab import Swaplab, sim

from swaplab_core.testing.sim_process import SIM_ARGV
from swaplab_core.testing.waiting import wait_until


def kill(swaplab: Swaplab, *, at_least: int) -> None:
    """Kill the daemon when it, its guard and so many engines' processes live."""
    before = swaplab.living()
    assert len(before) >= at_least + (2 if at_least else 1)
    os.kill(swaplab.process.pid, signal.SIGKILL)
    assert swaplab.process.wait() == -signal.SIGKILL
    wait_until(lambda: not swaplab.living(), f"{before} to be gone")


def test_a_simulated_engine_and_its_grandchild_die_with_the_daemon(serve):
    swaplab = serve({"parent": sim("--fork-grandchild", "--ignore-term")}, killed=True)
    swaplab.chat("parent")

    kill(swaplab, at_least=2)


def test_an_engine_in_a_shell_wrapper_dies_with_the_daemon(serve):
    script = shlex.join([*SIM_ARGV, "--port"]) + " ${PORT} & wait"
    swaplab = serve({"wrapped": {"cmd": f"sh -c {shlex.quote(script)}"}}, killed=True)
    swaplab.chat("wrapped")

    kill(swaplab, at_least=2)


def test_engines_that_load_or_stream_die_with_the_daemon(serve):
    models = {"stream": sim("--tokens", "100000", "--tokens-per-second", "20"), "load": sim("--never-ready")}
    groups = {"all": {"swap": False, "members": list(models)}}
    swaplab = serve(models, killed=True, groups=groups)

    with swaplab.streaming("stream"), swaplab.waiting("load"):
        wait_until(lambda: swaplab.model("load")["pid"], "the process of the other")
        kill(swaplab, at_least=2)


def test_a_daemon_killed_while_it_starts_an_engine_leaves_nothing_behind(serve):
    for _ in range(3):
        swaplab = serve({"load": sim("--never-ready")}, killed=True)
        with swaplab.waiting("load"):
            kill(swaplab, at_least=0)


@pytest.mark.llamacpp
def test_a_real_engine_dies_with_the_daemon(serve, llamas):
    swaplab = serve(llamas, killed=True)
    swaplab.chat("llama-b")

    kill(swaplab, at_least=1)
