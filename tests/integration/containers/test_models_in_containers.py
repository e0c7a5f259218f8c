"""Models whose engines run in containers, as a person writes them: started, swapped, stopped, and nothing left."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from running_swaplab import running_swaplab

from swaplab_core.testing.tiny_gguf import tiny_gguf_bytes
from swaplab_core.testing.waiting import wait_until

SERVER = "-m {model} --host 127.0.0.1 --port ${{PORT}} -c 4096 --no-warmup"
FOREIGN = ("run", "--detach", "--init", "--name", "foreign", "--network", "none", "shell:1", "sleep 600")
"""Somebody else's container."""
HELLO, OTHER, TYPED = "Hello from a container.", "The other one speaks.", "A file from outside."


def llama(name: str, model: str = "/hello.gguf", **more: object) -> dict[str, object]:
    """An entry: llama-server in a container."""
    run = f"docker run --rm --init --name {name} --network host tiny-llama:1"
    return {"cmd": f"{run} {SERVER.format(model=model)}", **more}


def shell(name: str, script: str, *flags: str, **more: object) -> dict[str, object]:
    """An entry: a container in which a shell waits, and that counts as ready at once."""
    words = ["docker", "run", "--rm", *flags, "--name", name, "--network", "none", "shell:1", f"'{script}'"]
    return {"cmd": " ".join(words), "proxy": "http://127.0.0.1:9", "checkEndpoint": "none", **more}


def typed(folder: Path, **more: object) -> dict[str, object]:
    """An entry of the llama.cpp backend, in a container on the machine's network: the engine has no bridge."""
    place = {"backend": "llamacpp", "image": "tiny-llama:1", "dockerArgs": ["--network=host"], "gpuLayers": 0}
    return {**place, "model": str(folder / "typed.gguf"), "ctxSize": 4096, **more}


def labels(engine, name: str) -> dict[str, str]:
    return json.loads(engine.docker("inspect", "--format", "{{json .Config.Labels}}", name))


@pytest.fixture(scope="module")
def daemon(dockerd, tmp_path_factory):
    """One for the tests that end it well."""
    stubborn = shell("stubborn-box", "trap : TERM; while :; do sleep 600; done", unloadTimeout=1)
    models = {
        "hello": llama("hello-box", cmdStop="docker stop -t 5 hello-box"),
        "other": llama("other-box", "/other.gguf"),
        "stubborn": stubborn,
        "taken": llama("foreign"),
        "broken": llama("broken-box", "/no-such.gguf"),
        "nowhere": {"cmd": llama("nowhere-box")["cmd"].replace("tiny-llama:1", "no-such-image:1")},
    }
    folder, quick = tmp_path_factory.mktemp("containers"), {"docker": {"stopSeconds": 0}}
    (folder / "typed.gguf").write_bytes(tiny_gguf_bytes(say=TYPED))
    router = {"model": "", "modelsDir": str(folder), "aliases": ["typed"]}
    models |= {"of-a-backend": typed(folder), "router": typed(folder, **router)}
    with running_swaplab(folder, models, env=dockerd.environment, plugins=quick) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(daemon, engine):
    """The daemon with nothing loaded."""
    return daemon.renew()


def test_two_models_make_room_for_each_other_and_leave_nothing(engine, swaplab):
    assert swaplab.chat("hello").said == HELLO
    assert engine.containers() == ["hello-box"]
    assert labels(engine, "hello-box")["swaplab.model"] == "hello"
    assert swaplab.chat("other").said == OTHER
    assert engine.containers() == ["other-box"]
    assert swaplab.chat("hello").said == HELLO
    swaplab.ask("GET", "/unload")
    assert engine.containers() == []
    assert swaplab.chat("other").said == OTHER
    swaplab.ask("GET", "/unload")
    assert engine.containers() == []


@pytest.mark.parametrize(("entry", "asked"), [("of-a-backend", "of-a-backend"), ("router", "typed")])
def test_a_backend_runs_its_server_in_a_container_and_leaves_nothing(engine, swaplab, entry, asked):
    assert swaplab.chat(asked).said == TYPED
    [name] = engine.containers()
    assert labels(engine, name).items() >= {"swaplab.model": entry, "swaplab.backend": "llamacpp"}.items()
    assert engine.docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", name) == "host"
    assert swaplab.chat("hello").said == HELLO
    assert engine.containers() == ["hello-box"]
    assert swaplab.chat(asked).said == TYPED
    swaplab.ask("GET", "/unload")
    assert engine.containers() == []


def test_a_container_that_will_not_go_is_gone_before_the_next_model_starts(engine, swaplab):
    assert swaplab.ask("POST", "/api/models/load/stubborn").status == 200
    wait_until(lambda: engine.containers() == ["stubborn-box"], "the container")
    assert swaplab.chat("hello").said == HELLO
    assert engine.containers() == ["hello-box"]
    swaplab.renew()


def test_a_container_that_will_not_go_is_gone_soon_when_nobody_is_next(engine, swaplab):
    assert swaplab.ask("POST", "/api/models/load/stubborn").status == 200
    wait_until(lambda: engine.containers() == ["stubborn-box"], "the container")
    swaplab.ask("GET", "/unload")
    wait_until(lambda: engine.containers() == [], "the container to be gone")


def test_a_name_that_is_taken_is_told_and_its_container_left_alone(engine, swaplab):
    engine.docker(*FOREIGN)
    error = swaplab.chat("taken").error
    assert "the name 'foreign' is taken by a container that swaplab has not started" in error["message"]
    assert "docker rm -f foreign" in error["message"]
    assert engine.docker("inspect", "--format", "{{.State.Running}}", "foreign") == "true"
    engine.docker("rm", "--force", "foreign")
    assert swaplab.chat("taken").said == HELLO
    swaplab.renew()


def test_what_an_engine_in_a_container_says_is_in_the_error(engine, swaplab):
    assert "/no-such.gguf" in swaplab.chat("broken").error["message"]
    assert "no-such-image" in swaplab.chat("nowhere").error["message"]
    assert engine.containers() == []


def test_what_a_killed_daemon_leaves_is_stopped_by_the_next(engine, tmp_path):
    options = ("--state-dir", str(tmp_path / "kept"))
    models = {"hello": llama("hello-box"), "other": llama("other-box", "/other.gguf")}
    engine.docker(*FOREIGN)
    with running_swaplab(tmp_path, models, *options, env=engine.environment, killed=True) as first:
        assert first.chat("hello").said == HELLO
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        wait_until(lambda: not first.living(), "the daemon's own processes to be gone")
        assert engine.containers() == ["foreign", "hello-box"], "a container outlives its client"
        with running_swaplab(tmp_path, models, *options, env=engine.environment) as second:
            assert engine.containers() == ["foreign"]
            second.wait_for_log("left behind by hello")
            assert second.chat("other").said == OTHER
            assert second.chat("hello").said == HELLO
    engine.docker("rm", "--force", "foreign")
