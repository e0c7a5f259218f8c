"""What makes a running daemon look at its files, and what wrong ones do: nothing, with a reason."""

from __future__ import annotations

import json
import signal

from running_swaplab import Swaplab, config_text, sim

from swaplab_core.testing.waiting import wait_until

MODEL = {"m": sim("--say", "old")}


def knows(swaplab: Swaplab, *models: str) -> None:
    """Wait until these are its models."""
    wait_until(lambda: set(swaplab.models()) == set(models), f"the models to be {models}; log:\n{swaplab.log()}")


def logged(swaplab: Swaplab, text: str) -> None:
    wait_until(lambda: text in swaplab.log(), f"{text!r} in the log:\n{swaplab.log()}")


def test_without_watching_an_edit_waits_for_a_signal_and_an_unchanged_file_is_no_reload(serve):
    swaplab = serve(MODEL)
    swaplab.process.send(signal.SIGHUP)
    logged(swaplab, "the configuration files are as they were")
    swaplab.write({**MODEL, "n": sim()})

    assert swaplab.chat("m").said == "old"
    assert set(swaplab.models()) == {"m"}
    swaplab.process.send(signal.SIGHUP)
    knows(swaplab, "m", "n")
    logged(swaplab, "added n")  # lines are printed by a thread of their own
    assert swaplab.reloads() == ["added n; routing changed"]


WRONG = {
    "{file}:2:6: ": 'models:\n  m: {cmd: "x ${PORT}"\n  n: 3\n',
    "{file}:4:10: models.m.ttl: must be a number": "models:\n  m:\n    cmd: x ${PORT}\n    ttl: soon\n",
    "{file}:3:10: models.m.cmd: ": "models:\n  m:\n    cmd: x ${NOBODY}\n",
}


def test_a_file_with_errors_changes_nothing_and_says_where_they_are(serve):
    swaplab = serve(MODEL)
    swaplab.chat("m")
    pid = swaplab.model("m")["pid"]

    for place, text in WRONG.items():
        swaplab.write_text(text)
        swaplab.process.send(signal.SIGHUP)
        logged(swaplab, f"[ERROR] {place.format(file=swaplab.config)}")

        assert swaplab.chat("m").said == "old"
        assert swaplab.model("m")["pid"] == pid
    assert swaplab.whole_log().count("the configuration stays as it is") == 3
    assert swaplab.reload({**MODEL, "n": sim()}) == "added n; routing changed"


def test_a_file_that_is_gone_changes_nothing(serve):
    swaplab = serve(MODEL)
    swaplab.config.unlink()
    swaplab.process.send(signal.SIGHUP)
    logged(swaplab, "there is no such file")

    assert swaplab.chat("m").said == "old"


def test_a_watched_file_is_followed_through_bad_times_and_good_ones(serve):
    swaplab = serve(MODEL, "--watch-config")

    swaplab.write({**MODEL, "n": sim()})
    knows(swaplab, "m", "n")

    swaplab.config.write_text("models: {m: {cmd: ")
    logged(swaplab, "the configuration stays as it is")
    whole = config_text({"startPort": swaplab.ports.start, "models": {**MODEL, "o": sim()}})
    half = len(whole) // 2
    with swaplab.config.open("w") as writing:
        writing.write(whole[:half])
        writing.flush()
        writing.write(whole[half:])
    knows(swaplab, "m", "o")

    swaplab.config.unlink()
    swaplab.write(MODEL)
    knows(swaplab, "m")
    assert len(swaplab.reloads()) == 3


def test_a_folder_and_a_linked_file_are_watched(serve, tmp_path):
    folder = tmp_path / "conf.d"
    folder.mkdir()
    swaplab = serve(MODEL, "--watch-config", "--config-dir", str(folder))

    (folder / "more.yaml").write_text(json.dumps({"models": {"n": sim()}}))
    knows(swaplab, "m", "n")
    (folder / "ignored.txt").write_text("models: 3")
    (folder / "most.yml").write_text(json.dumps({"models": {"o": sim()}}))
    knows(swaplab, "m", "n", "o")
    (folder / "more.yaml").unlink()
    knows(swaplab, "m", "o")

    target = tmp_path / "elsewhere.yaml"
    target.write_text(config_text({"startPort": swaplab.ports.start, "models": {"p": sim()}}))
    swaplab.config.unlink()
    swaplab.config.symlink_to(target)
    knows(swaplab, "p", "o")
