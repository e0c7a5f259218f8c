"""The commands that talk to a running daemon, and those that need none."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_swaplab import SWAPLAB, Swaplab, run_swaplab, running_swaplab, sim

LONG = "unsloth/Qwen3-Coder-480B-A35B-Instruct-GGUF:UD-Q4_K_XL"


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Swaplab:
    models = {
        "small": {**sim("--say", "small"), "aliases": ["s"]},
        LONG: {**sim(), "aliases": ["coder", "another rather long name of the same model"]},
        "dead": sim("--die-at-start"),
        "slow": sim("--load-seconds", "1.6"),
        "stuck": sim("--never-ready"),
        "[red]": sim(),
    }
    with running_swaplab(tmp_path_factory.mktemp("commands"), models) as swaplab:
        yield swaplab


def run(*arguments: str | Path, url: str = "", code: int = 0) -> str:
    """What a command prints, stdout and stderr together; it must end with this exit code."""
    ended = run_swaplab(*arguments, env={"SWAPLAB_URL": url} if url else None)
    printed = ended.stdout + ended.stderr
    assert ended.returncode == code, printed
    assert "Traceback" not in printed
    return printed


def test_a_model_is_loaded_listed_and_unloaded(swaplab):
    assert run("load", "s", url=swaplab.url).strip() == "small is ready"  # a slow load leaves the line of its bar
    assert swaplab.model("small")["state"] == "ready"

    listed = run("models", url=swaplab.url)
    assert [line.split()[:2] for line in listed.splitlines() if line.split()[0] in {"small", "slow"}] == [
        ["small", "ready"],
        ["slow", "stopped"],
    ]

    assert run("unload", "s", "--url", swaplab.url) == "s is unloaded\n"
    assert swaplab.model("small")["state"] == "stopped"


def test_everything_is_unloaded_at_once(swaplab):
    run("load", "small", url=swaplab.url)

    assert run("unload", url=swaplab.url) == "everything is unloaded\n"
    assert swaplab.ask("GET", "/running").json() == {"running": []}


def test_long_and_odd_names_are_listed_whole_where_there_is_no_terminal(swaplab):
    listed = run("models", url=swaplab.url)

    assert LONG in listed
    assert "another rather long name of the same model" in listed
    assert "[red]" in listed


def test_a_plan_is_told_in_words(swaplab):
    run("load", "small", url=swaplab.url)

    assert run("plan", "small", url=swaplab.url) == "small would be served at once\n"
    plan = run("plan", LONG, url=swaplab.url)
    assert plan.startswith(f"{LONG} would be served after a swap")
    assert "small goes (stopped)" in plan
    assert f"{LONG} starts" in plan


@pytest.mark.parametrize("command", ["load", "unload", "plan"])
def test_an_unknown_model_is_one_line_and_exit_code_1(swaplab, command):
    message = run(command, "smal", url=swaplab.url, code=1)

    assert message == "swaplab: no model named 'smal' is configured (did you mean 'small'?)\n"


def test_a_load_that_fails_says_why(swaplab):
    assert "dead ended by itself, exit code 1" in run("load", "dead", url=swaplab.url, code=1)


def test_a_slow_load_does_without_a_terminal(swaplab):
    assert run("load", "slow", url=swaplab.url).endswith("slow is ready\n")
    run("unload", url=swaplab.url)


def test_who_interrupts_a_load_is_told_that_it_goes_on_and_how_to_stop_it(swaplab):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    try:
        with started("load", "stuck", "--url", swaplab.url, **streams) as loading:
            swaplab.wait_for("stuck", state="starting")
            loading.send_signal(signal.SIGINT)
            said, _ = loading.communicate()
        assert swaplab.model("stuck")["state"] == "starting"
    finally:
        run("unload", url=swaplab.url)  # else all other models would wait for it

    assert loading.returncode == 130
    assert said.endswith("stuck goes on loading; stop it with: swaplab unload stuck\n")


def test_a_slow_load_shows_how_far_it_is(swaplab):
    main_end, terminal = pty.openpty()
    with started("load", "slow", "--url", swaplab.url, stdout=terminal, stderr=terminal) as loading:
        os.close(terminal)
        shown = b"".join(iter(lambda: read(main_end), b""))
        os.close(main_end)

    assert loading.returncode == 0
    assert b"slow: loading" in shown
    assert b"slow is ready" in shown


@contextlib.contextmanager
def started(*arguments: str, **streams: object) -> Iterator[subprocess.Popen]:
    """A command that runs, and is killed when the test fails or after a minute."""
    with subprocess.Popen([SWAPLAB, *arguments], **streams) as command:
        late = threading.Timer(60, command.kill)
        late.start()
        try:
            yield command
            command.wait()
        finally:
            late.cancel()
            command.kill()  # no news to one that has ended


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "http://127.0.0.1:notaport", "http://[", ""])
def test_a_server_that_is_not_there_is_one_line_that_says_what_to_do(url):
    message = run("models", "--url", url, code=1)

    assert message.startswith(f"swaplab: no swaplab answers at {url}: ")
    assert message.endswith("(start it with: swaplab serve --config FILE, or name another with --url)\n")


@pytest.mark.parametrize("command", [["models"], ["plan", "x"], ["load", "x"]])
def test_a_server_that_is_no_swaplab_is_named(swaplab_sim, command):
    other = swaplab_sim().base_url

    assert "swaplab: the server answered 404" in run(*command, url=other, code=1)
    message = run(*command, url=f"{other}/sim/echo?", code=1)
    assert message.startswith(f"swaplab: {other}/sim/echo? is no swaplab: it does not know /api/")


def test_a_good_file_is_said_to_be_good(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text("models:\n  one:\n    cmd: a --port ${PORT}\n")

    assert run("check", file) == f"{file} is good: 1 model, 0 warnings\n"
    assert run("check", "--config", file) == run("check", file)
    more = tmp_path / "more"
    more.mkdir()
    (more / "b.yaml").write_text("models:\n  other:\n    cmd: a --port ${PORT}\n")
    assert run("check", file, "--config-dir", more).endswith("is good: 2 models, 0 warnings\n")
    assert "both name a file" in run("check", file, "--config", file, code=2)


def test_a_bad_file_is_told_with_every_line_and_exit_code_1(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(
        "models:\n  one:\n    cmd: a --port ${PORT}\n    ttl: soon\n  two:\n    cmd: b ${nothing}\n    x: 1\n"
    )

    printed = run("check", file, code=1)

    for line in (4, 6, 7):
        assert f"{file}:{line}" in printed
    assert f"{file} has 2 errors and 1 warning" in printed


def test_the_plugins_are_listed():
    printed = run("plugins")

    assert "llamacpp" in printed
    assert "swaplab-core" in printed


def test_help_and_version_need_no_server():
    assert run("--version").startswith("swaplab, version ")
    assert "Serve the models of a configuration." in run("--help")
