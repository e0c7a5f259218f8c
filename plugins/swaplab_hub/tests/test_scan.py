from __future__ import annotations

import os

import pytest

from swaplab_core.domain.errors import Conflict, NotThere
from swaplab_hub import scan, views
from swaplab_hub.deletion import plan_deletion
from swaplab_hub.recipes import weights_of
from swaplab_hub.scan import fingerprint, repo_folders, scan_repo
from swaplab_hub.testing import COMMIT, make_cached
from swaplab_hub.usage import Known, Uses, managed_entry, uses_of

A, B = COMMIT, "b" * 40


def test_what_is_no_repository_is_passed_over(tmp_path):
    make_cached(tmp_path)
    make_cached(tmp_path, "datasets--org--data")
    for other in (".locks", "models--", "version.txt", "models--..", "blobs"):
        (tmp_path / other).mkdir(exist_ok=True)
    (tmp_path / "models--org--file").write_text("")
    (tmp_path / "models--org--link").symlink_to(tmp_path / "models--org--model")
    assert repo_folders(tmp_path) == ["datasets--org--data", "models--org--model"]
    assert repo_folders(tmp_path / "nowhere") == []


def test_a_content_counts_once_however_many_revisions_use_it(tmp_path):
    shared = b"x" * 1000
    repo = scan_repo(
        make_cached(tmp_path, revisions={A: {"w": shared, "copy": shared, "c": b"1"}, B: {"w": shared, "c": b"22"}})
    )
    assert repo.size == 1003
    assert sorted(revision.size for revision in repo.revisions) == [1001, 1002]
    assert repo.is_finished
    rows = {row["commit"]: row["alone"] for row in views.revisions([repo])["items"]}
    assert rows == {A[:12]: 1, B[:12]: 2}


def test_what_is_unfinished_or_broken_is_shown_not_hidden(tmp_path):
    path = make_cached(tmp_path, loose=["1" * 64], incomplete=["2" * 64], refs={"main": A, "dev": B, "refs/pr/1": A})
    repo = scan_repo(path)
    assert (repo.loose, dict(repo.incomplete), repo.is_finished) == (("1" * 64,), {f"{'2' * 64}.incomplete": 5}, False)
    assert repo.revisions[0].refs == ("main", "refs/pr/1")
    next((path / "blobs").glob("?????*[!.]")).exists()
    for link in (path / "snapshots" / A).iterdir():
        link.resolve().unlink()
    broken = scan_repo(path)
    assert broken.revisions[0].broken == ("config.json",)
    [row] = views.models([broken], Known({}))["items"]
    assert row["state"]["text"] == "damaged"


def test_copies_in_the_place_of_links_count(tmp_path):
    path = make_cached(tmp_path, revisions={})
    (path / "snapshots" / A).mkdir(parents=True)
    (path / "snapshots" / A / "model.safetensors").write_bytes(b"x" * 50)
    repo = scan_repo(path)
    assert (repo.size, repo.is_finished, repo.formats) == (50, True, ("safetensors",))


def test_the_fingerprint_changes_when_a_file_comes_or_goes(tmp_path):
    path = make_cached(tmp_path)
    before = fingerprint(path)
    assert fingerprint(path) == before
    os.utime(path / "blobs", (1, 1))
    assert fingerprint(path) != before


def test_of_a_repository_the_revision_of_main_is_what_an_engine_loads(tmp_path):
    repo = scan_repo(make_cached(tmp_path, revisions={A: {"c": b"1"}, B: {"c": b"2"}}, refs={"main": B}))
    assert repo.newest is not None
    assert repo.newest.commit == B


def test_the_hint_for_llama_cpp_is_a_file_of_the_revision_of_main_whatever_lies_beside_it(tmp_path):
    old = {"m-Q8_0.gguf": b"8" * 90, "m-BF16-00001-of-00002.gguf": b"b" * 400}
    new = {"m-Q4_K_M.gguf": b"4" * 40, "mmproj-F16.gguf": b"p" * 60}
    found = weights_of(scan_repo(make_cached(tmp_path, revisions={A: old, B: new}, refs={"main": B})))
    assert (found.format, found.file, found.revision.commit) == ("gguf", "m-Q4_K_M.gguf", B)


@pytest.mark.parametrize(
    ("folder", "files", "kind"),
    [
        ("models--o--n", {"model.safetensors": b"1"}, "safetensors"),
        ("models--o--n", {"m.gguf": b"1" * 9, "model.safetensors": b"1"}, "gguf"),
        ("models--o--n", {"m.gguf": b"1", "model.safetensors": b"1" * 9}, "safetensors"),
        ("models--o--n-GGUF", {"m.gguf": b"1", "model.safetensors": b"1" * 9}, "gguf"),
        ("models--o--n-safetensors", {"m.gguf": b"1" * 9, "model.safetensors": b"1"}, "safetensors"),
    ],
)
def test_of_two_formats_the_name_decides_and_then_the_largest_file(tmp_path, folder, files, kind):
    assert weights_of(scan_repo(make_cached(tmp_path, folder, revisions={A: files}))).format == kind


# what a deletion takes


def test_the_last_revision_takes_the_folder_with_it(tmp_path):
    repo = scan_repo(make_cached(tmp_path, incomplete=["2" * 64]))
    for wanted in ([], [A], ["main"], [A[:8]]):
        deletion = plan_deletion(repo, wanted)
        assert (deletion.everything, deletion.freed) == (True, 7)


def test_what_no_cache_has_is_never_deleted(tmp_path):
    path = make_cached(tmp_path)
    (path / "my-notes").mkdir()
    with pytest.raises(Conflict, match="my-notes"):
        plan_deletion(scan_repo(path))


def test_a_revision_that_is_not_there_is_told_with_those_that_are(tmp_path):
    with pytest.raises(NotThere) as caught:
        plan_deletion(scan_repo(make_cached(tmp_path)), ["b" * 40])
    assert "aaaaaaaa (main)" in caught.value.advice


# who uses it


ENTRIES = {
    "by-cmd": {"cmd": "vllm serve org/model --port 1"},
    "by-path": {"backend": "llamacpp", "model": "/cache/models--org--model/snapshots/x/m.gguf"},
    "by-hf": {"cmd": "llama-server -hf ORG/Model:Q4_K_M"},
    "other": {"cmd": "vllm serve org/model-2", "description": "not org/model.v2, nor my-org/model2"},
}


def test_whoever_names_it_uses_it(tmp_path):
    repo = scan_repo(make_cached(tmp_path))
    recipes = [
        {"identity": "spark:a.yaml", "model": "org/model", "usedBy": ["made"]},
        {"identity": "spark:b.yaml", "model": "org/model-2", "usedBy": ["other"]},
    ]
    found = uses_of(repo, Known(ENTRIES, recipes, frozenset({"made", "other"})))
    assert found == Uses(("by-cmd", "by-hf", "by-path", "made"), ("spark:a.yaml",), ("made",))
    assert str(found).startswith("model by-cmd, ")
    assert not uses_of(repo, Known({"other": ENTRIES["other"]}))


def test_the_entry_of_a_recipe_is_found_by_its_name_or_its_models_as_ever(tmp_path):
    repo = scan_repo(make_cached(tmp_path))
    ours = {"metadata": {"recipe_ui": {"recipe_ref": "autogen/x"}}}
    assert managed_entry(repo, {"models--Org--Model": ours}) == ("models--Org--Model", "autogen/x")
    assert managed_entry(repo, {"x": {**ours, "useModelName": "ORG/model"}}) == ("x", "autogen/x")
    assert managed_entry(repo, {"x": ours, "org/model": {}}) is None


def test_what_nobody_names_and_nobody_reads_is_suggested_to_go(tmp_path):
    old, used, fresh = (make_cached(tmp_path, f"models--org--{name}") for name in ("old", "used", "fresh"))
    for path in (old, used):
        for blob in (path / "blobs").iterdir():
            os.utime(blob, (0, 0))
    repos = [scan.scan_repo(path) for path in (old, used, fresh)]
    known = Known({"m": {"model": "org/used"}})
    now = repos[2].modified
    assert [row["repo"] for row in views.cleanup(repos, known, now, 60)["items"]] == ["org/old"]
