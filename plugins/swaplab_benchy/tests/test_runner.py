"""Which program runs a benchmark."""

from __future__ import annotations

import pytest

from swaplab_benchy.runner import INTELLIGENCE_COMMIT, INTELLIGENCE_SOURCE, VERSION, Runner, find_runner
from swaplab_core.domain.errors import Conflict


def find(*, environ=None, programs=(), installed=None, intelligence=False, commit=""):
    there = dict(programs)
    return find_runner(environ or {}, there.get, installed, intelligence=intelligence, intelligence_commit=commit)


UVX = ("uvx", "/bin/uvx")
ON_PATH = ("llama-benchy", "/bin/llama-benchy")


def test_the_operators_command_comes_first_and_may_be_quoted():
    found = find(environ={"LLAMA_BENCHY_CMD": "run 'my benchy' -v"}, programs=[UVX], installed="/env/llama-benchy")
    assert found == Runner(("run", "my benchy", "-v"), "LLAMA_BENCHY_CMD")


def test_our_own_environment_comes_before_uvx():
    assert find(programs=[UVX], installed="/env/llama-benchy").argv == ("/env/llama-benchy",)


def test_uvx_runs_a_pinned_version():
    assert find(programs=[UVX, ON_PATH]).argv == ("/bin/uvx", "--from", f"llama-benchy=={VERSION}", "llama-benchy")


@pytest.mark.parametrize(("commit", "run"), [("abc123", "abc123"), ("", INTELLIGENCE_COMMIT)])
def test_uvx_runs_intelligence_only_from_a_commit(commit, run):
    argv = find(programs=[UVX, ON_PATH], intelligence=True, commit=commit).argv
    assert argv[2] == f"llama-benchy[intelligence] @ {INTELLIGENCE_SOURCE}@{run}"


def test_programs_of_the_users_own_are_found():
    assert find(programs=[("~/.local/bin/uvx", "/home/me/.local/bin/uvx")]).source == "uvx"
    assert find(programs=[("~/.local/bin/llama-benchy", "/home/me/b")]).argv == ("/home/me/b",)


@pytest.mark.parametrize("intelligence", [False, True])
def test_without_any_it_says_what_to_install(intelligence):
    with pytest.raises(Conflict) as caught:
        find(intelligence=intelligence)
    assert "LLAMA_BENCHY_CMD" in caught.value.advice


def test_an_open_quote_is_a_clear_mistake():
    with pytest.raises(Conflict, match="LLAMA_BENCHY_CMD cannot be read"):
        find(environ={"LLAMA_BENCHY_CMD": "run 'x"})
