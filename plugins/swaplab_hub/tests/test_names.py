from __future__ import annotations

import pytest

from swaplab_core.domain.errors import InvalidRequest
from swaplab_hub import names


@pytest.mark.parametrize(
    "text", ["org/model", "gpt2", "org/Model-1.5_B", "https://hub.example/org/model/", "models--org--model"]
)
def test_a_repository_may_be_given_as_people_have_it(text):
    assert names.check_repo(text) in {"org/model", "gpt2", "org/Model-1.5_B"}


@pytest.mark.parametrize(
    "text",
    ["", "--help", "-x/y", "a/b/c", "../..", "a/..", "a b/c", "org/m;x", "org/$(id)", "a--b/c", "org\n/m", "é/b"],
)
def test_what_is_no_repository_is_refused(text):
    with pytest.raises(InvalidRequest, match="no model of the hub"):
        names.check_repo(text)


def test_only_the_first_dashes_of_a_folder_are_a_slash():
    assert names.id_of("models--a--b--c") == "a/b--c"
    assert names.id_of("models--gpt2") == "gpt2"
    assert names.folder_of("org/model") == "models--org--model"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model",
        "models--",
        "models--..",
        "models--a/b",
        "models--a\\b",
        "x/models--a--b",
        "datasets--a--b",
        "models--a\0b",
    ],
)
def test_only_the_folder_of_a_model_can_be_named(text):
    with pytest.raises(InvalidRequest):
        names.check_folder(text)


@pytest.mark.parametrize("text", ["-x", "--upload-pack=x", "a..b", "a b", "x/"])
def test_a_revision_is_a_branch_a_tag_or_a_commit(text):
    assert names.check_revision("refs/pr/1") == "refs/pr/1"
    with pytest.raises(InvalidRequest):
        names.check_revision(text)


@pytest.mark.parametrize("text", ["", "/etc/*", "../x", "-x", "a\nb", "x" * 300])
def test_a_pattern_stays_inside_the_repository(text):
    assert names.check_pattern("*.Q4_*.gguf") == "*.Q4_*.gguf"
    with pytest.raises(InvalidRequest):
        names.check_pattern(text)
