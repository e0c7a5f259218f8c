from __future__ import annotations

import hashlib
import subprocess

import pytest

from swaplab_cluster import model_cache
from swaplab_cluster.model_cache import CachedModel, CacheOfNode, asked, command, is_repo, matrix, read, record, users
from swaplab_core.domain.errors import InvalidRequest

REPO = "models--org--name"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    wanted = command(model_cache.script(), *arguments)
    return subprocess.run(wanted.argv, input=wanted.stdin.decode(), capture_output=True, text=True, check=False)


@pytest.fixture
def cache(tmp_path):
    """One repository: a large file by its sha256, a small one by its git hash, linked from a revision."""
    repo = tmp_path / REPO
    large, small = b"w" * 5000, b"{}"
    names = [hashlib.sha256(large).hexdigest(), hashlib.sha1(b"blob 2\0" + small).hexdigest()]
    (repo / "blobs").mkdir(parents=True)
    revision = repo / "snapshots" / "abc123"
    revision.mkdir(parents=True)
    for name, content, link in zip(names, (large, small), ("model.safetensors", "config.json"), strict=True):
        (repo / "blobs" / name).write_bytes(content)
        (revision / link).symlink_to(f"../../blobs/{name}")
    return tmp_path


def test_a_complete_repository_is_listed_and_verified(cache):
    [model] = read(run("list", str(cache)).stdout)
    assert (model.repo, model.revisions, model.blobs, model.is_complete) == (REPO, ("abc123",), 2, True)
    assert model.bytes >= 5000
    assert run("verify", str(cache), REPO).returncode == 0


def test_a_download_that_has_not_ended_and_a_dead_link_are_seen(cache):
    (cache / REPO / "blobs" / "77.incomplete").write_text("half")
    (cache / REPO / "snapshots" / "abc123" / "gone").symlink_to("../../blobs/gone")
    [model] = read(run("list", str(cache)).stdout)
    assert (model.incomplete, model.missing, model.is_complete) == (1, 1, False)


def test_a_file_that_is_not_what_it_is_called_is_found(cache):
    victim = next((cache / REPO / "blobs").glob("?" * 64))
    victim.write_bytes(b"x" * 5000)
    done = run("verify", str(cache), REPO)
    assert done.returncode == 1
    assert victim.name in done.stdout


def test_deleting_takes_one_repository_and_nothing_else(cache, tmp_path):
    (cache / "precious").mkdir()
    (cache / "models--a--link").symlink_to(cache / "precious")
    assert run("delete", str(cache), "models--a--link").returncode == 1
    assert (cache / "precious").exists()
    assert run("delete", str(cache), REPO).returncode == 0
    assert not (cache / REPO).exists()


@pytest.mark.parametrize("name", ["..", "models--..", "models--a/b", "-rf", "precious", "models--", ""])
def test_only_the_name_of_a_repository_is_ever_passed_on(name):
    assert not is_repo(name)
    if name:
        with pytest.raises(InvalidRequest):
            command("", "delete", "/c", name)


def test_its_commands_are_recognised_and_nothing_else_is():
    text = model_cache.script()
    wanted = command(text, "verify", "~/hub", REPO)
    assert asked(wanted.argv, wanted.stdin, text) == ("verify", "~/hub", REPO)
    assert asked(wanted.argv, b"id", text) is None
    assert asked(("sh", "-c", "id"), b"", text) is None


def test_the_matrix_tells_who_lacks_what():
    whole = CachedModel(REPO, ("new", "old"), 2, 2**31)
    caches = [
        CacheOfNode("a", (whole,)),
        CacheOfNode("b", (CachedModel(REPO, ("old",), 2, 2**30),)),
        CacheOfNode("c", (CachedModel(REPO, ("old",), 1, 2**29, incomplete=1),)),
        CacheOfNode("d"),
        CacheOfNode("e", error="silent"),
    ]
    cells = matrix(caches)["cells"][REPO]
    assert [cells[node]["state"] for node in "abcde"] == ["ok", "warn", "warn", "na", "err"]
    assert cells["a"]["text"] == "2.0 GiB"
    assert "1 not there" in cells["b"]["title"]


def test_who_uses_a_repository_is_read_off_the_entries():
    entries = {
        "by id": {"cmd": "serve org/name --port 1"},
        "by file": {"model": "/h/models--org--name/snapshots/abc/model.gguf"},
        "a longer name": {"cmd": "serve org/name-2"},
        "somebody else": {"cmd": "serve myorg/name"},
    }
    assert users(REPO, entries) == ("by id", "by file")


def test_the_api_tells_what_is_there_and_what_is_missing():
    half = record(CacheOfNode("b", (CachedModel(REPO, ("old",), 1, 512, incomplete=1),)))
    [model] = half["models"]
    assert (half["node"], model["repo"], model["revisions"]) == ("b", REPO, ["old"])
    assert (model["filesToGo"], model["complete"]) == (1, False)
    assert record(CacheOfNode("c", error="silent")) == {"node": "c", "models": [], "error": "silent"}


def test_the_script_is_clean(shellcheck):
    shellcheck("data/cache.sh")
