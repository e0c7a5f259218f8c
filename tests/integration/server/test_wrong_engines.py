"""Engines that do not come up: the request says why and what to do, and the daemon serves the others."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest
from running_swaplab import Answer, Swaplab, command, sim

from swaplab_core.testing.waiting import wait_until


@pytest.fixture
def serve_beside(serve) -> Iterator:
    """Serve one model beside a good one, which must work at the end."""
    running = []

    def start(entry: dict[str, object], **top: object) -> Swaplab:
        running.append(serve({"bad": entry, "good": sim("--say", "fine")}, **top))
        return running[0]

    yield start
    assert running[0].chat("good").said == "fine"


def failed(answer: Answer) -> str:
    """The message of a start that failed."""
    assert (answer.status, answer.error["code"], answer.error["type"]) == (502, "start-failed", "server_error")
    return str(answer.error["message"])


def test_a_missing_program_is_named_with_the_nearest_one(serve_beside):
    swaplab = serve_beside({"cmd": "pythn3 --port ${PORT}"})

    message = failed(swaplab.chat("bad"))

    assert message.startswith("program not found: pythn3 (")
    assert "install it, or write its full path" in message


def test_a_file_that_is_no_program_is_named(serve_beside, tmp_path):
    file = tmp_path / "engine"
    file.write_text("no program")
    swaplab = serve_beside({"cmd": command(file, "--port", "${PORT}")})

    assert failed(swaplab.chat("bad")) == f"{file} is not executable (run: chmod +x {file})"


@pytest.mark.llamacpp
def test_a_wrong_flag_to_llama_server_is_shown_in_its_own_words(serve_beside, plain_llama):
    swaplab = serve_beside(plain_llama("Never said.", "--no-such-flag"))

    message = failed(swaplab.chat("bad"))

    assert message.startswith("bad ended by itself, exit code 1. Its last output:\n  ")
    assert "--no-such-flag" in message.partition("\n")[2]


@pytest.mark.llamacpp
def test_a_broken_model_file_is_shown_in_llama_servers_own_words(serve_beside, llama_server, tmp_path):
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF is not enough")
    swaplab = serve_beside({"backend": "llamacpp", "binary": str(llama_server), "model": str(file)})

    assert "broken.gguf" in failed(swaplab.chat("bad"))


def test_an_engine_that_dies_at_start_is_shown_with_its_exit_code_and_last_words(serve_beside):
    script = "print('CUDA error: out of memory'); print('\\033[31mgiving up\\033[0m\\r'); raise SystemExit(3)"
    swaplab = serve_beside({"cmd": command(sys.executable, "-c", script), "proxy": "http://127.0.0.1:9"})

    message = failed(swaplab.chat("bad"))

    assert message == ("bad ended by itself, exit code 3. Its last output:\n  CUDA error: out of memory\n  giving up")


def test_every_waiting_request_learns_why_and_the_next_one_tries_again(serve_beside):
    swaplab = serve_beside(sim("--die-at-start", "7", "--load-seconds", "0.3"))

    first = failed(swaplab.chat("bad"))
    second = failed(swaplab.chat("bad"))

    assert "exit code 7" in first
    assert "exit code 7" in second
    assert swaplab.starts() == ["bad", "bad"]


def test_a_stranger_on_the_port_is_never_taken_for_the_engine_and_left_alone(serve_beside):
    swaplab = serve_beside(sim())
    with socket.create_server(("127.0.0.1", swaplab.ports[0])) as stranger:
        message = failed(swaplab.chat("bad"))

        assert message == (
            f"bad was not started: another program already listens on http://localhost:{swaplab.ports[0]}"
            " (stop it, or give the model another port)"
        )
        assert swaplab.starts() == []
        socket.create_connection(stranger.getsockname()).close()

    assert swaplab.chat("bad").status == 200


@pytest.mark.parametrize("arguments", [["--never-ready"], ["--hang-on-health"], ["--health-status", "500"]])
def test_an_engine_that_does_not_get_ready_is_given_up_when_it_is_unloaded(serve_beside, arguments):
    swaplab = serve_beside(sim(*arguments))

    with swaplab.waiting("bad"):
        record = swaplab.wait_for("bad", state="starting")
        wait_until(lambda: swaplab.model("bad")["pid"], "its process")
        assert swaplab.ask("POST", "/api/models/unload/bad").status == 200

    assert swaplab.model("bad")["state"] == "stopped"
    assert record["waiting"] == 1


def test_who_waits_for_a_model_that_is_unloaded_gets_503_and_may_come_again(serve_beside):
    swaplab = serve_beside(sim("--never-ready"))

    with swaplab.waiting("bad") as response:
        assert swaplab.ask("GET", "/unload").status == 200
        answer = response()

    assert (answer.status, answer.error["code"]) == (503, "model-unloaded")
    assert answer.headers["Retry-After"] == "1"
