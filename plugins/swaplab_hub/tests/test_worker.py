"""The worker as a process, the real library, a hub on this machine."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from swaplab_core.testing.waiting import wait_until
from swaplab_hub import scan
from swaplab_hub.failures import Kind
from swaplab_hub.testing import blob_name

BIG = os.urandom(9_000_000)
OTHER = os.urandom(6_000_000)
MODEL = {"config.json": b"{}", "model.safetensors": BIG, "README.md": b"hello"}
REPO = "org/model"


def snapshot(worker, repo=REPO):
    folder = worker.cache / f"models--{repo.replace('/', '--')}"
    commit = (folder / "refs" / "main").read_text()
    return folder / "snapshots" / commit


def test_a_download_leaves_the_cache_as_the_library_does(worker, hub):
    hub.add(REPO, MODEL)
    code, lines = worker.run("download", "--", REPO)
    assert code == 0, lines
    result = json.loads(lines[-1])
    assert (result["files"], result["bytes"]) == (2, len(BIG) + 2)
    assert Path(result["path"]) == snapshot(worker)
    assert (snapshot(worker) / "model.safetensors").read_bytes() == BIG
    assert (snapshot(worker) / "model.safetensors").readlink() == Path("../../blobs", blob_name(BIG))
    assert not (snapshot(worker) / "README.md").exists()
    assert "100.0% 8.6 MiB of 8.6 MiB" in "\n".join(lines)
    from huggingface_hub import scan_cache_dir

    [theirs] = scan_cache_dir(worker.cache).repos
    ours = scan.scan_repo(worker.cache / "models--org--model")
    assert (ours.id, ours.size) == (theirs.repo_id, theirs.size_on_disk)
    assert {r.commit: (r.size, set(r.refs)) for r in ours.revisions} == {
        r.commit_hash: (r.size_on_disk, set(r.refs)) for r in theirs.revisions
    }
    assert ours.is_finished


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_download_that_was_ended_goes_on_where_it_ended(worker, hub, number):
    hub.add(REPO, MODEL)
    hub.hold_after = 5_000_000
    process = worker.start("download", "--", REPO)
    hub.wait_until_held()
    partial = worker.cache / "models--org--model" / "blobs" / f"{blob_name(BIG)}.incomplete"
    wait_until(lambda: partial.exists() and partial.stat().st_size > 0, "the first bytes on disk")
    worker.stop(process, number)
    have = partial.stat().st_size
    repo = scan.scan_repo(worker.cache / "models--org--model")
    assert not repo.is_finished
    assert list(repo.incomplete) == [partial.name]
    hub.release()
    code, lines = worker.run("download", "--", REPO)
    assert code == 0, lines
    assert any("going on at" in line for line in lines)
    assert [each.start for each in hub.transfers()] == [0, have]
    assert (snapshot(worker) / "model.safetensors").read_bytes() == BIG
    assert not partial.exists()


def test_a_line_that_breaks_is_taken_up_again_without_anybody(worker, hub):
    hub.add(REPO, MODEL)
    hub.cut_after = 4_000_000
    code, lines = worker.run("download", "--", REPO)
    assert code == 0, lines
    assert len(hub.transfers()) == 3
    assert (snapshot(worker) / "model.safetensors").read_bytes() == BIG


def test_what_an_old_part_spoils_is_fetched_anew(worker, hub):
    hub.add(REPO, MODEL)
    blobs = worker.cache / "models--org--model" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{blob_name(BIG)}.incomplete").write_bytes(b"x" * 1_000_000)
    code, lines = worker.run("download", "--", REPO)
    assert code == 0, lines
    assert [each.start for each in hub.transfers()] == [1_000_000, 0]
    assert (snapshot(worker) / "model.safetensors").read_bytes() == BIG


def test_what_arrives_damaged_never_counts(worker, hub):
    hub.add(REPO, MODEL)
    hub.damage = True
    code, lines = worker.run("download", "--", REPO)
    assert code == Kind.DAMAGED
    assert lines[-1].startswith("model.safetensors arrives damaged — ")
    assert not list(worker.cache.glob("models--org--model/blobs/*"))


def test_another_revision_fetches_only_what_is_new(worker, hub):
    hub.add(REPO, MODEL)
    assert worker.run("download", "--", REPO)[0] == 0
    hub.repos[REPO].push({**MODEL, "config.json": b'{"new": 1}'}, branch="next")
    code, lines = worker.run("download", "--revision=next", "--", REPO)
    assert code == 0, lines
    assert "10 B to go" in lines[0]
    assert len(hub.transfers()) == 1
    repo = scan.scan_repo(worker.cache / "models--org--model")
    assert {ref for revision in repo.revisions for ref in revision.refs} == {"main", "next"}


def test_a_quantisation_is_fetched_with_all_its_parts(worker, hub):
    parts = {f"m-Q4_K_M-0000{n}-of-00002.gguf": os.urandom(200_000) for n in (1, 2)}
    hub.add(REPO, {**parts, "m-Q8_0.gguf": b"8" * 200_000, "config.json": b"{}", "tokenizer.json": b"{}"})
    code, lines = worker.run("download", "--weights=gguf:Q4_K_M", "--", REPO)
    assert code == 0, lines
    assert {path.name for path in snapshot(worker).iterdir()} == {*parts, "config.json", "tokenizer.json"}
    code, lines = worker.run("download", "--", REPO)
    assert code == Kind.CHOICE
    assert "gguf:Q8_0" in lines[-1]


def test_patterns_may_hold_what_a_shell_would_expand(worker, hub):
    hub.add(REPO, {"a[1].bin": b"1", "a1.bin": b"2", "config.json": b"{}"})
    code, lines = worker.run("download", "--include=a[[]1].bin", "--exclude=*.json", "--", REPO)
    assert code == 0, lines
    assert [path.name for path in snapshot(worker).iterdir()] == ["a[1].bin"]


def test_a_disk_that_would_be_full_is_told_before_the_first_byte(worker, hub):
    hub.add(REPO, MODEL)
    code, lines = worker.run("download", f"--reserve={2**60}", "--", REPO)
    assert code == Kind.DISK_FULL
    assert "are to come" in lines[-1]
    assert hub.transfers() == []


def test_the_token_is_found_in_the_environment_and_sent_to_the_hub_alone(worker, hub):
    hub.add(REPO, MODEL, gated=True, token="hf_secret")
    worker.token = "hf_secret"
    hub.hold_after = 1
    process = worker.start("download", "--", REPO)
    hub.wait_until_held()
    assert "hf_secret" not in Path(f"/proc/{process.pid}/cmdline").read_text()
    hub.release()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "hf_secret" not in output
    assert {each.token for each in hub.asked if each.path.startswith("/org/")} == {"hf_secret"}
    assert {each.token for each in hub.transfers()} == {""}


def test_the_token_may_stand_in_a_file(worker, hub, tmp_path):
    hub.add(REPO, MODEL, private=True, token="hf_secret")
    (tmp_path / "my-token").write_text("hf_secret\n")
    assert worker.run("files", "--", REPO)[0] == Kind.UNKNOWN
    assert worker.run("files", "--", REPO, HF_TOKEN_PATH=str(tmp_path / "my-token"))[0] == 0


@pytest.mark.parametrize(
    ("token", "told"),
    [("", "is gated, and there is no access token — ask for access at"), ("hf_other", "has no access to it — ask for")],
)
def test_a_gated_repository_says_where_to_ask(worker, hub, token, told):
    hub.add(REPO, MODEL, gated=True, token="hf_secret")
    worker.token = token
    code, lines = worker.run("download", "--", REPO)
    assert code == Kind.GATED
    assert told in lines[-1]
    assert f"{hub.url}/org/model" in lines[-1]
    assert hub.transfers() == []
    assert worker.run("files", "--", REPO)[0] == 0


def test_what_is_not_there_is_told(worker, hub):
    hub.add(REPO, MODEL)
    code, lines = worker.run("download", "--", "org/nothing")
    assert (code, "has no org/nothing" in lines[-1], "HF_TOKEN" in lines[-1]) == (Kind.UNKNOWN, True, True)
    code, lines = worker.run("download", "--revision=v9", "--", REPO)
    assert (code, lines[-1].startswith("org/model has no revision 'v9' — ")) == (Kind.UNKNOWN, True)


def test_without_a_hub_it_is_said_what_to_do(worker, hub):
    code, lines = worker.run("search", "--", "x", HF_HUB_OFFLINE="1")
    assert (code, lines[-1]) == (
        Kind.OFFLINE, "the hub is switched off by HF_HUB_OFFLINE — unset it to reach the hub",
    )  # fmt: skip
    code, lines = worker.run("files", "--", REPO, HF_ENDPOINT="http://127.0.0.1:9")
    assert code == Kind.UNREACHABLE
    assert "http://127.0.0.1:9 cannot be reached" in lines[-1]
    hub.status = 503
    assert worker.run("files", "--", REPO)[0] == Kind.UNREACHABLE
    hub.status = 429
    assert worker.run("files", "--", REPO)[0] == Kind.LIMITED
    hub.status = 401
    worker.token = "hf_old"
    assert worker.run("search", "--", "x")[0] == Kind.TOKEN


def test_searching_finds_the_most_downloaded_first(worker, hub):
    hub.add("org/a-model-GGUF", {"m-Q8_0.gguf": b"x"}, downloads=5)
    hub.add("org/b-model", {"model.safetensors": b"x"}, downloads=9, gated=True)
    code, lines = worker.run("search", "--", "model")
    found = json.loads(lines[-1])
    assert code == 0
    assert [(each["id"], each["gated"], each["formats"]) for each in found] == [
        ("org/b-model", True, ["safetensors"]), ("org/a-model-GGUF", False, ["gguf"]),
    ]  # fmt: skip
    assert [each["id"] for each in json.loads(worker.run("search", "--filter=gguf", "--", "model")[1][-1])] == [
        "org/a-model-GGUF"
    ]


# deletion


def planned(repo, **parts):
    plan = {"folder": repo, "everything": False, "commits": [], "refs": [], "blobs": [], "freed": 0}
    return json.dumps({**plan, **parts})


def test_a_revision_goes_and_what_others_use_stays(worker, hub):
    from swaplab_hub.deletion import plan_deletion

    first = hub.add(REPO, {"config.json": b"{}", "model.safetensors": BIG, "x.safetensors": OTHER}).find("main")
    assert worker.run("download", "--", REPO)[0] == 0
    hub.repos[REPO].push({"config.json": b'{"a": 1}', "model.safetensors": BIG}, branch="next")
    assert worker.run("download", "--revision=next", "--", REPO)[0] == 0
    folder = worker.cache / "models--org--model"
    deletion = plan_deletion(scan.scan_repo(folder), ["main"])
    assert (deletion.commits, deletion.freed, deletion.kept) == ((first,), len(OTHER) + 2, len(BIG))
    plan = planned(folder.name, commits=[first], refs=["main"], blobs=list(deletion.blobs), freed=deletion.freed)
    code, lines = worker.run("delete", stdin=plan)
    assert code == 0, lines
    after = scan.scan_repo(folder)
    assert [revision.refs for revision in after.revisions] == [("next",)]
    assert after.is_finished
    assert (folder / "snapshots" / after.revisions[0].commit / "model.safetensors").read_bytes() == BIG
    assert sum(after.blobs.values()) == len(BIG) + 8


@pytest.mark.parametrize(
    "names",
    [
        {"folder": "../outside"},
        {"blobs": ["../../../../outside/canary"]},
        {"refs": ["../../x"]},
        {"commits": [".."]},
        {"refs": ["/etc/passwd"]},
    ],
)
def test_nothing_outside_a_repository_is_deleted(worker, hub, tmp_path, names):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "canary").write_text("alive")
    (worker.cache / "models--org--model" / "blobs").mkdir(parents=True)
    code, _ = worker.run(
        "delete",
        stdin=planned("models--org--model", everything="folder" in names)
        if not names
        else json.dumps({**json.loads(planned("models--org--model")), **names}),
    )
    assert code == Kind.CHOICE
    assert (tmp_path / "outside" / "canary").read_text() == "alive"


def test_a_link_in_the_place_of_a_repository_is_not_followed(worker, hub, tmp_path):
    (tmp_path / "outside" / "blobs").mkdir(parents=True)
    (tmp_path / "outside" / "blobs" / "canary").write_text("alive")
    worker.cache.mkdir()
    (worker.cache / "models--org--model").symlink_to(tmp_path / "outside")
    assert worker.run("delete", stdin=planned("models--org--model", everything=True))[0] == Kind.CHOICE
    (worker.cache / "models--org--real").mkdir()
    (worker.cache / "models--org--real" / "blobs").symlink_to(tmp_path / "outside" / "blobs")
    assert worker.run("delete", stdin=planned("models--org--real", blobs=["canary"]))[0] == Kind.CHOICE
    assert (tmp_path / "outside" / "blobs" / "canary").read_text() == "alive"


def test_what_another_program_downloads_is_not_deleted(worker, hub):
    hub.add(REPO, MODEL)
    hub.hold_after = 1_000_000
    process = worker.start("download", "--", REPO)
    hub.wait_until_held()
    code, lines = worker.run("delete", stdin=planned("models--org--model", everything=True))
    assert (code, "by another program" in lines[-1]) == (Kind.BUSY, True)
    worker.stop(process)
    assert worker.run("delete", stdin=planned("models--org--model", everything=True))[0] == 0
    assert not (worker.cache / "models--org--model").exists()
