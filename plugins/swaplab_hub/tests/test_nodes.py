"""The script for other machines, run here."""

from __future__ import annotations

import os
import subprocess

import pytest

from swaplab_core.domain.errors import InvalidRequest
from swaplab_hub import nodes
from swaplab_hub.testing import COMMIT as A
from swaplab_hub.testing import make_cached


def run(command, home):
    done = subprocess.run(
        command.argv, input=command.stdin, capture_output=True, check=False, env={**os.environ, "HOME": str(home)}
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_cache_is_listed_there_as_it_is_here(tmp_path):
    cache = tmp_path / "deep" / "hub"
    make_cached(cache)
    make_cached(cache, "models--org--half", incomplete=["1" * 64], revisions={})
    (cache / "models--org--link").symlink_to(cache / "models--org--model")
    code, text, _ = run(nodes.listing_command("~/deep/hub"), tmp_path)
    found = nodes.read("n1", "Node 1", text)
    assert code == 0
    assert {name: (repo.unfinished, repo.revisions) for name, repo in found.repos.items()} == {
        "models--org--model": (0, (A,)), "models--org--half": (1, ()),
    }  # fmt: skip
    assert found.free is not None
    assert nodes.read("n1", "x", "a motd\n@ models--a x y\n@ ../x 1 1 z").repos == {}


def test_a_machine_without_a_cache_has_nothing(tmp_path):
    code, text, _ = run(nodes.listing_command(str(tmp_path / "nowhere")), tmp_path)
    assert (code, nodes.read("n", "n", text).repos) == (0, {})


def test_a_model_is_deleted_there_and_nothing_else(tmp_path):
    path = make_cached(tmp_path)
    make_cached(tmp_path, "models--org--other")
    assert run(nodes.deletion_command(str(tmp_path), "models--org--model"), tmp_path)[:2] == (0, "deleted\n")
    assert run(nodes.deletion_command(str(tmp_path), "models--org--model"), tmp_path)[:2] == (0, "it is not there\n")
    assert not path.exists()
    assert (tmp_path / "models--org--other").exists()
    (tmp_path / "models--org--other" / "my work").mkdir()
    code, _, told = run(nodes.deletion_command(str(tmp_path), "models--org--other"), tmp_path)
    assert (code, "nothing that a model cache has" in told) == (2, True)
    for folder in ("..", "models--a/../..", "x", ".locks"):
        with pytest.raises(InvalidRequest):
            nodes.deletion_command(str(tmp_path), folder)


def test_machines_are_held_against_each_other(tmp_path):
    mine = nodes.NodeCache("", "here", {"models--o--m": nodes.RemoteRepo("models--o--m", 2**30, 0, (A, "b" * 40))})
    theirs = nodes.NodeCache("n1", "Node 1", {"models--o--m": nodes.RemoteRepo("models--o--m", 2**30, 0, (A,))})
    shown = nodes.matrix([mine, theirs, nodes.NodeCache("n2", "Node 2"), nodes.NodeCache("n3", "Node 3", error="gone")])
    states = {node: cell["state"] for node, cell in shown["cells"]["models--o--m"].items()}
    assert states == {"local": "ok", "n1": "warn", "n2": "na", "n3": "err"}
    assert shown["rows"] == [{"id": "models--o--m", "title": "o/m"}]
