"""Who is reached when the address is one that others can reach (T15), and what a command sends to whom."""

from __future__ import annotations

import subprocess
import sys

import pytest
from running_swaplab import run_swaplab, running_swaplab


def serve(tmp_path, text, *options):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    ended = run_swaplab("serve", "--config", file, *options)
    assert "Traceback" not in ended.stderr
    return ended


@pytest.mark.parametrize("listen", ["[::]:0", "192.0.2.1:80"])
def test_without_keys_an_address_of_others_is_refused_with_the_two_ways_out(tmp_path, listen):
    ended = serve(tmp_path, "models: {}\n", "--listen", listen)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "set apiKeys in the configuration, or say --insecure" in ended.stderr


@pytest.mark.parametrize(("text", "options"), [("apiKeys: [k]\n", []), ("models: {}\n", ["--insecure"])])
def test_with_keys_or_when_insisted_on_it_is_tried(tmp_path, text, options):
    ended = serve(tmp_path, text, "--listen", "192.0.2.1:80", *options)

    assert ended.returncode == 1
    assert "cannot listen on 192.0.2.1:80" in ended.stderr, "nobody has this address"


def test_a_token_that_others_can_read_ends_the_start(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "admin-token").write_text("known to all")
    (state / "admin-token").chmod(0o644)

    ended = serve(tmp_path, "models: {}\n", "--listen", "127.0.0.1:0", "--state-dir", state)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"{state / 'admin-token'} can be read by others (mode 644) (remove it" in ended.stderr


def test_where_no_state_can_be_kept_it_serves_all_the_same_and_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with running_swaplab(tmp_path, {}, "--state-dir", str(tmp_path / "file" / "below")) as swaplab:
        swaplab.wait_for_log("until then the admin token changes with every start")
        assert swaplab.ask("GET", "/login?once=x").status == 404


def command(swaplab, *arguments, **environment):
    settings = {"XDG_STATE_HOME": str(swaplab.config.parent / "state"), **environment}
    return run_swaplab(*arguments, "--url", swaplab.url, env=settings)


def test_the_commands_are_the_administrator_s_without_being_told_a_key(tmp_path):
    with running_swaplab(tmp_path, {}, apiKeys=["k"]) as swaplab:
        link = command(swaplab, "ui").stdout
        assert link.startswith(f"{swaplab.url}/login?once=")
        path = link.strip().removeprefix(swaplab.url)
        assert [swaplab.ask("GET", path).status for _ in range(2)] == [303, 404]

        strangers = {"XDG_STATE_HOME": str(tmp_path / "strangers")}
        for asked in ("models", "ui"):
            told = command(swaplab, asked, **strangers).stderr
            assert f"{swaplab.url} asks for a key" in told
            assert "as the user who runs it" in told
        assert command(swaplab, "models", SWAPLAB_API_KEY="k", **strangers).returncode == 0
        assert "is a user's" in command(swaplab, "ui", SWAPLAB_API_KEY="k", **strangers).stderr


def test_two_daemons_of_one_user_share_the_token_and_keep_their_records_apart(tmp_path):
    with running_swaplab(tmp_path, {}) as one, running_swaplab(tmp_path, {}) as two:
        for swaplab in (one, two):
            assert command(swaplab, "ui").stdout.startswith(f"{swaplab.url}/login?once=")
        state = tmp_path / "state" / "swaplab"
        assert {file.name for file in state.glob("serving-*")} == {f"serving-127.0.0.1-{s.port}" for s in (one, two)}
    assert list(state.glob("serving-*")) == []


def test_a_program_that_has_taken_the_port_of_a_killed_daemon_hears_no_token(tmp_path):
    with running_swaplab(tmp_path, {}, killed=True) as swaplab:
        swaplab.process.kill_group()
        heard = tmp_path / "heard"
        thief = (
            "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True);"
            "c, _ = s.accept(); open(sys.argv[2], 'wb').write(c.recv(65536))"
        )
        argv = [sys.executable, "-c", thief, str(swaplab.port), str(heard)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as stranger:
            stranger.stdout.readline()
            command(swaplab, "models")
            stranger.wait(120)
    assert heard.read_bytes().startswith(b"GET /api/models")
    assert b"authorization" not in heard.read_bytes().lower()


def test_a_process_that_cannot_stop_leaves_all_the_same():
    stuck = "from swaplab_core.adapters.last_resort import exit_after as e; import time; e(0.1); time.sleep(60)"
    ended = subprocess.run([sys.executable, "-c", stuck], capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 1
    assert "could not stop within 0.1 s" in ended.stderr
