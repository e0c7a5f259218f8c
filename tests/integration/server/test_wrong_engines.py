"""Engines that do not come up: the request says why and what to do, and the daemon serves the others."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest
from running_swaplab import Answer, Swaplab, command, running_swaplab, sim

from swaplab_core.testing.waiting import wait_until

LAST_WORDS = "print('CUDA error: out of memory'); print('\\033[31mgiving up\\033[0m\\r'); raise SystemExit(3)"
MODELS = {
    "good": sim("--say", "fine"),
    "misspelt": {"cmd": "pythn3 --port ${PORT}"},
    "no-llama": {"backend": "llamacpp", "model": "m.gguf", "binary": "no-such-llama"},
    "no-program": {"cmd": command(__file__, "--port", "${PORT}")},
    "dies-at-once": {"cmd": command(sys.executable, "-c", LAST_WORDS), "proxy": "http://127.0.0.1:9"},
    "dies-at-start": sim("--die-at-start", "7", "--load-seconds", "0.3"),
    "never-ready": sim("--never-ready"),
    "hangs": sim("--hang-on-health"),
    "sick": sim("--health-status", "500"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("wrong-engines"), MODELS) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared: Swaplab) -> Iterator[Swaplab]:
    """One daemon for all of them; after each wrong engine it must serve a good one."""
    yield shared.renew()
    assert shared.chat("good").said == "fine"


def failed(answer: Answer) -> str:
    """The message of a start that failed."""
    assert (answer.status, answer.error["code"], answer.error["type"]) == (502, "start-failed", "server_error")
    return str(answer.error["message"])


def test_a_missing_program_is_named(swaplab):
    message = failed(swaplab.chat("misspelt"))

    assert message.startswith("program not found: pythn3 (")
    assert "install it, or write its full path" in message


def test_a_missing_llama_server_is_told_with_where_to_write_it(swaplab):
    message = failed(swaplab.chat("no-llama"))

    assert "no-such-llama was not found" in message
    assert "binary: /path/to/llama-server" in message


def test_a_file_that_is_no_program_is_named(swaplab):
    assert failed(swaplab.chat("no-program")) == f"{__file__} is not executable (run: chmod +x {__file__})"


def test_an_engine_that_dies_at_start_is_shown_with_its_exit_code_and_last_words(swaplab):
    assert failed(swaplab.chat("dies-at-once")) == (
        "dies-at-once ended by itself, exit code 3. Its last output:\n  CUDA error: out of memory\n  giving up"
    )


def test_after_a_failed_start_the_next_request_tries_again(swaplab):
    for _ in range(2):
        assert "exit code 7" in failed(swaplab.chat("dies-at-start"))

    assert swaplab.starts() == ["dies-at-start", "dies-at-start"]


def test_a_stranger_on_the_port_is_never_taken_for_the_engine_and_left_alone(swaplab):
    port = int(swaplab.ask("POST", "/api/models/load/good").json()["base_url"].rpartition(":")[2])
    swaplab.renew()
    with socket.create_server(("127.0.0.1", port)) as stranger:
        assert failed(swaplab.chat("good")) == (
            f"good was not started: another program already listens on http://localhost:{port}"
            " (stop it, or give the model another port)"
        )
        assert swaplab.starts() == []
        socket.create_connection(stranger.getsockname()).close()


@pytest.mark.parametrize("model", ["never-ready", "hangs", "sick"])
def test_an_engine_that_does_not_get_ready_is_given_up_when_it_is_unloaded(swaplab, model):
    with swaplab.waiting(model) as response:
        wait_until(lambda: swaplab.model(model)["pid"], "its process")
        assert swaplab.model(model)["state"] == "starting"
        assert swaplab.ask("POST", f"/api/models/unload/{model}").status == 200
        answer = response()

    assert swaplab.model(model)["state"] == "stopped"
    assert (answer.status, answer.error["code"]) == (503, "model-unloaded")
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.llamacpp
def test_a_wrong_flag_and_a_broken_file_are_shown_in_llama_servers_own_words(
    serve, plain_llama, llama_server, tmp_path
):
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF is not enough")
    broken = {"backend": "llamacpp", "binary": str(llama_server), "model": str(file)}
    swaplab = serve({"flag": plain_llama("Never.", "--no-such-flag"), "file": broken, "good": plain_llama("Fine.")})

    flag = failed(swaplab.chat("flag"))
    assert flag.startswith("flag ended by itself, exit code 1. Its last output:\n  ")
    assert "--no-such-flag" in flag.partition("\n")[2]
    # more than one try: llama-server writes its log in a thread, and a busy machine loses what it wrote last
    wait_until(lambda: "broken.gguf" in failed(swaplab.chat("file")), "the name of the broken file in the message")
    assert swaplab.chat("good").said == "Fine."
