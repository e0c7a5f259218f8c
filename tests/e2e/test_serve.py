"""`swaplab serve` from the command line: what it says when it cannot start, and how it stops."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from running_swaplab import SWAPLAB, config_text, event_data, is_free, leased_ports, run_swaplab, sim

from swaplab_core.testing.waiting import wait_until

GOOD = "models:\n  one:\n    cmd: swaplab-sim --port ${PORT}\n"


def swaplab(*arguments: str | Path, code: int = 1) -> str:
    """Run a command that must end with this exit code, and return what it printed."""
    ended = run_swaplab(*arguments)
    printed = ended.stdout + ended.stderr
    assert ended.returncode == code, printed
    assert "Traceback" not in printed
    return printed


def refused(text: str, tmp_path: Path) -> str:
    """What `serve` says of a configuration that cannot be used; the file's name is cut out of it."""
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return swaplab("serve", "--config", file, "--listen", "127.0.0.1:0").replace(str(file), "FILE")


def test_a_file_that_does_not_exist_is_named(tmp_path):
    assert swaplab("serve", "--config", tmp_path / "gone.yaml") == (
        f"swaplab: {tmp_path}/gone.yaml: there is no such file (check the path given to --config)\n"
    )


def test_a_folder_in_place_of_the_file_is_named(tmp_path):
    assert f"swaplab: {tmp_path}: cannot be read: Is a directory" in swaplab("serve", "--config", tmp_path)


def test_a_file_that_is_no_text_is_named_with_the_byte(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_bytes(b"models:\n  a\xff:\n")

    assert f"{file}: is not UTF-8 text (byte 11)" in swaplab("serve", "--config", file)


def test_the_unknown_key_that_was_meant_is_told_beside_the_one_that_is_missing(tmp_path):
    told = refused("models:\n  a:\n    cmmd: x\n", tmp_path)
    assert "models.a: 'cmd' is missing" in told
    assert "unknown key 'cmmd' is ignored (did you mean 'cmd'?)" in told


def test_no_file_at_all_is_told_what_to_give():
    assert "no configuration file was found (give --config FILE" in swaplab("serve")


def test_duplicate_keys_are_named_with_their_lines(tmp_path):
    message = refused("models:\n  one:\n    cmd: a\n    cmd: b\n", tmp_path)

    assert "FILE:4:5: " in message
    assert "cmd" in message
    assert "twice" in message or "duplicate" in message


def test_tab_indentation_is_named_with_its_line(tmp_path):
    message = refused("models:\n  one:\n\tcmd: a\n", tmp_path)

    assert "FILE:3" in message
    assert "tab" in message.lower()


def test_all_mistakes_of_a_file_are_told_at_once_each_with_its_line(tmp_path):
    message = refused(
        "startPort: high\nmodels:\n  one:\n    cmd: 'a ${PORT}'\n    ttl: soon\n  two:\n    description: no command\n",
        tmp_path,
    )

    assert sorted(line.removeprefix("swaplab: ")[:7] for line in message.splitlines()) == [
        "FILE:1:",
        "FILE:5:",
        "FILE:6:",
    ]


def test_a_model_that_says_nowhere_where_it_listens_is_told_what_to_write(tmp_path):
    assert "put ${PORT} in the command" in refused("models:\n  one:\n    cmd: sleep 60\n", tmp_path)


def test_a_port_that_is_taken_is_named_with_what_to_do(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]

        assert swaplab("serve", "--config", file, "--listen", f"127.0.0.1:{port}") == (
            f"swaplab: port {port} of 127.0.0.1 is taken by another program"
            " (stop it, or choose another port with --listen)\n"
        )


def test_a_port_that_is_taken_leaves_no_preloaded_engine_behind(tmp_path):
    file = tmp_path / "config.yaml"
    hooks, models = {"on_startup": {"preload": ["one"]}}, {"one": sim("--ignore-term")}
    with leased_ports() as ports, socket.create_server(("127.0.0.1", 0)) as stranger:
        file.write_text(config_text({"startPort": ports.start, "hooks": hooks, "models": models}))
        message = swaplab("serve", "--config", file, "--listen", f"127.0.0.1:{stranger.getsockname()[1]}")

        assert message.endswith("choose another port with --listen)\n")
        wait_until(lambda: all(map(is_free, ports)), "the engine to be gone")


@pytest.mark.parametrize("listen", ["0.0.0.0:0", ":0"])
def test_an_address_that_others_can_reach_is_refused_unless_insisted_on(tmp_path, listen):
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)

    message = swaplab("serve", "--config", file, "--listen", listen)

    assert "can be reached from other machines" in message
    assert "--insecure" in message


def test_what_is_no_address_is_told_with_an_example(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)

    message = swaplab("serve", "--config", file, "--listen", "nonsense")

    assert "'nonsense' is not an address to listen on (write it like 127.0.0.1:8080)" in message


def test_a_host_that_is_not_ours_is_named(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)

    message = swaplab("serve", "--config", file, "--listen", "192.0.2.1:8080", "--insecure")

    assert "cannot listen on 192.0.2.1:8080: " in message


@pytest.mark.parametrize(("words", "said"), [(["serve", "--nosuch"], "No such option"), (["sreve"], "No such command")])
def test_wrong_usage_is_exit_code_2(words, said):
    ended = subprocess.run([SWAPLAB, *words], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, said in ended.stderr) == (2, True), ended


def test_a_warning_is_told_and_the_daemon_serves(serve):
    served = serve({"one": {**sim(), "cmdd": "typo"}}, executed=True)

    assert served.chat("one").status == 200
    served.wait_for_log("models.one.cmdd")


# how it stops


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_an_idle_daemon_and_its_engines(serve, number):
    served = serve({"one": sim()}, killed=True, executed=True)
    served.chat("one")

    served.process.send(number)

    assert served.process.wait() == 0


def test_a_signal_while_a_model_loads_answers_who_waits_and_ends_the_engine(serve):
    served = serve({"slow": sim("--never-ready")}, killed=True, executed=True)

    with served.waiting("slow") as answer:
        served.process.send(signal.SIGINT)

        refusal = answer()
    assert (refusal.status, refusal.error["code"]) == (503, "shutting-down")
    assert served.process.wait() == 0


def test_a_signal_during_a_stream_lets_the_stream_end(serve):
    served = serve(
        {"talker": sim("--say", "one two three", "--tokens", "20", "--tokens-per-second", "20")}, killed=True
    )

    with served.streaming("talker") as response:
        response.readline()
        served.process.send(signal.SIGTERM)
        served.process.wait_for_output("stopping: running streams may end")
        events = event_data(response.read())

    assert events[-1] == "[DONE]"
    assert served.process.wait() == 0


def test_after_a_signal_new_connections_are_refused(serve):
    served = serve({"talker": sim("--tokens", "100000", "--tokens-per-second", "20")}, killed=True, executed=True)

    with served.streaming("talker") as response:
        response.readline()
        served.process.send(signal.SIGTERM)
        served.process.wait_for_output("stopping: running streams may end")
        with pytest.raises(ConnectionError):  # refused, or reset: it came in the last moment
            served.chat("talker")
        served.process.send(signal.SIGTERM)

        assert served.process.wait() == 0


def test_a_second_signal_cuts_streams_short_but_not_cleanly(serve):
    served = serve({"talker": sim("--tokens", "100000", "--tokens-per-second", "20")}, killed=True, executed=True)

    with served.streaming("talker") as response:
        response.readline()
        served.process.send(signal.SIGINT)
        served.process.wait_for_output("stopping: running streams may end")
        served.process.send(signal.SIGINT)

        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            response.read()
        assert served.process.wait() == 0
