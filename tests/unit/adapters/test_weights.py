"""Weights on the disk that a command line names, and what is remembered of models between two runs."""

from __future__ import annotations

import pytest

from swaplab_core.adapters.footprints import read_footprints, write_footprints
from swaplab_core.adapters.weights import weights_bytes
from swaplab_core.domain.footprint import Basis, Footprint


@pytest.fixture
def disk(tmp_path):
    def write(name, size):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        return str(path)

    return write


def weigh(tmp_path, *argv, **env):
    return weights_bytes(("engine", *argv), env, tmp_path)


def test_files_are_counted_once_with_their_shards_and_projectors(tmp_path, disk):
    plain, projector = disk("m/a.gguf", 10), disk("m/mmproj.gguf", 3)
    first = disk("m/b-00001-of-00002.gguf", 5)
    disk("m/b-00002-of-00002.gguf", 7)
    assert weigh(tmp_path, "-m", plain, "-m", plain, f"--mmproj={projector}", "--port", "1") == 13
    assert weigh(tmp_path, "-m", first) == 12


def test_folders_and_repositories_of_the_hub_are_found(tmp_path, disk):
    disk("models/x/model.safetensors", 20)
    disk("models/x/config.json", 99)
    assert weigh(tmp_path, "--model", str(tmp_path / "models" / "x")) == 20
    disk("hf/hub/models--org--name/snapshots/abc/model-1.safetensors", 8)
    assert weigh(tmp_path, "serve", "org/name", HF_HOME=str(tmp_path / "hf")) == 8
    assert weigh(tmp_path, "serve", "org/name", HF_HUB_CACHE=str(tmp_path / "hf" / "hub")) == 8


def test_what_cannot_be_found_weighs_nothing(tmp_path):
    assert weigh(tmp_path, "-m", "/nowhere/a.gguf", "org/other", "x" * 5000, "", "a\nb", "/", "~") == 0


def test_footprints_come_back_from_their_file_and_a_damaged_file_is_none(tmp_path):
    file = tmp_path / "memory.json"
    known = {"m": Footprint({"system": 5, "gpu": 7}, Basis.MEASURED, 3.0)}
    write_footprints(file, known)
    assert read_footprints(file) == known
    for text in ("[1]", "{", '{"m": 3}', '{"m": {"held": {"system": "x"}, "at": null}}'):
        file.write_text(text)
        assert read_footprints(file) == {}
