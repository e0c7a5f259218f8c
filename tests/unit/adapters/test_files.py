"""Reading configuration files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swaplab_core.adapters.files import read_sources
from swaplab_core.config.load import Source
from swaplab_core.domain.errors import ConfigError


def problem(file: Path | None, folder: Path | None) -> str:
    with pytest.raises(ConfigError) as refused:
        read_sources(file, folder)
    (only,) = refused.value.problems
    return str(only)


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    return folder


def test_a_file_is_read_without_its_byte_order_mark(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_bytes(b"\xef\xbb\xbfmodels: \xc3\xbc\n")

    assert read_sources(file, None) == [Source(str(file), "models: ü\n")]


def test_a_folder_gives_its_yaml_files_in_order_after_the_file(tmp_path):
    folder = write(tmp_path / "d", b_yaml="b", a_yml="a", c_txt="no", d_yaml="d")
    (folder / "sub.yaml").mkdir()
    file = tmp_path / "main.yaml"
    file.write_text("main")

    assert [source.text for source in read_sources(file, folder)] == ["main", "a", "b", "d"]


def test_a_link_to_a_file_counts_as_one(tmp_path):
    folder = write(tmp_path / "d")
    (tmp_path / "elsewhere").write_text("linked")
    (folder / "link.yaml").symlink_to(tmp_path / "elsewhere")

    assert [source.text for source in read_sources(None, folder)] == ["linked"]


def test_nothing_named_and_an_empty_folder_are_told_what_to_give(tmp_path):
    assert problem(None, None) == "no configuration file was found (give --config FILE, or --config-dir FOLDER)"
    assert "no configuration file was found" in problem(None, write(tmp_path / "empty"))


def test_an_empty_folder_beside_a_file_adds_nothing(tmp_path):
    file = tmp_path / "main.yaml"
    file.write_text("main")

    assert [source.text for source in read_sources(file, write(tmp_path / "empty"))] == ["main"]


def test_a_file_that_lies_in_the_folder_too_is_named_once(tmp_path):
    folder = write(tmp_path / "d", c_yaml="c")

    assert "is named by --config and lies in --config-dir as well" in problem(folder / "c.yaml", folder)


def test_what_cannot_be_read_is_named(tmp_path):
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: \xe9")
    dangling = write(tmp_path / "d") / "gone.yaml"
    dangling.symlink_to(tmp_path / "nowhere")

    assert problem(tmp_path / "x.yaml", None).startswith(f"{tmp_path}/x.yaml: there is no such file")
    assert problem(latin, None).startswith(f"{latin}: is not UTF-8 text (byte 3)")
    assert problem(tmp_path, None).startswith(
        f"{tmp_path}: cannot be read: Is a directory (give a folder with --config-dir)"
    )
    assert problem(None, latin).startswith(f"{latin}: is not a folder")
    assert problem(None, tmp_path / "x").startswith(f"{tmp_path}/x: is not a folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    file = tmp_path / "secret.yaml"
    file.write_text("x")
    file.chmod(0)

    assert "cannot be read: Permission denied (check the path and its permissions)" in problem(file, None)
