from __future__ import annotations

import pytest

from swaplab_core.domain.errors import FileFailed, InvalidRequest
from swaplab_hub import places
from swaplab_hub.places import Surroundings, find


def around(tmp_path, setting="", **environment):
    return Surroundings(environment, tmp_path / "home", tmp_path / "config", setting)


def test_who_says_more_exactly_where_the_cache_is_wins(tmp_path):
    said = {
        "XDG_CACHE_HOME": "/xdg", "HF_HOME": "/home-of-hf", "HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "/new",
        "LLAMA_SWAP_HF_HUB_PATH": "/fork",
    }  # fmt: skip
    expected = [("/chosen", "chosen"), ("/fork", "LLAMA_SWAP_HF_HUB_PATH"), ("/setting", "plugins.hub.cache")]
    expected += [("/new", "HF_HUB_CACHE"), ("/old", "HUGGINGFACE_HUB_CACHE"), ("/home-of-hf/hub", "HF_HOME")]
    expected += [("/xdg/huggingface/hub", "XDG_CACHE_HOME")]
    choice, setting = "/chosen", "/setting"
    for folder, source in expected:
        place = find(around(tmp_path, setting, **said), choice)
        assert (str(place.folder), place.source) == (folder, source)
        if source == "chosen":
            choice = ""
        elif source == "plugins.hub.cache":
            setting = ""
        else:
            del said[source]
    assert find(around(tmp_path), "").folder == tmp_path / "home" / ".cache" / "huggingface" / "hub"


def test_a_choice_is_kept_beside_the_configuration_and_taken_back(tmp_path):
    here = around(tmp_path)
    places.choose(here, f"  {tmp_path}/models ")
    assert (tmp_path / "models").is_dir()
    assert (tmp_path / "config" / ".hf_hub_path").read_text() == f"{tmp_path}/models\n"
    assert find(here, places.chosen(here)).source == "chosen"
    places.choose(here, "")
    assert places.chosen(here) == ""
    places.choose(here, "")


def test_the_file_of_the_choice_can_be_named(tmp_path):
    here = around(tmp_path, LLAMA_SWAP_HF_HUB_PATH_OVERRIDE_FILE=str(tmp_path / "there" / "choice"))
    places.choose(here, "~/models")
    assert (tmp_path / "there" / "choice").read_text() == f"{tmp_path / 'home'}/models\n"


def test_what_cannot_be_a_cache_is_refused_and_nothing_is_kept(tmp_path):
    here = around(tmp_path)
    (tmp_path / "file").write_text("")
    for written, error in (
        ("relative", InvalidRequest),
        (str(tmp_path / "file"), InvalidRequest),
        ("/a\nb", InvalidRequest),
    ):
        with pytest.raises(error):
            places.choose(here, written)
    with pytest.raises(FileFailed):
        places.choose(here, str(tmp_path / "file" / "below"))
    assert places.chosen(here) == ""
