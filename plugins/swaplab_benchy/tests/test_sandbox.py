"""As whom suites run that execute code."""

from __future__ import annotations

import pytest

from swaplab_benchy.sandbox import Account, Isolation, choose

NOBODY = Account("nobody", 65534, 65534)
POSSIBLE = {"is_root": True, "wanted": "nobody", "account": NOBODY, "tool": "/usr/bin/setpriv"}


def test_root_runs_them_as_another_user_who_does_not_see_its_secrets():
    found = choose(**POSSIBLE)
    assert "the user nobody (uid 65534)" in str(found)
    argv = found.wrap(("llama-benchy", "--version"), ["PATH", "HF_TOKEN", "LANG", "A_SECRET"])
    assert " ".join(argv) == (
        "/usr/bin/setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs -- "
        "env -u A_SECRET -u HF_TOKEN llama-benchy --version"
    )


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ({"is_root": False}, "only root"),
        ({"wanted": ""}, "plugins.benchy.user is empty"),
        ({"wanted": "bench", "account": None}, "this machine has no user bench"),
        ({"tool": None}, "setpriv is not installed"),
    ],
)
def test_where_that_cannot_be_it_is_said(missing, said):
    found = choose(**{**POSSIBLE, **missing})
    assert str(found).startswith(f"the user of this server ({said}")
    assert found.wrap(("x",), ["A_SECRET"]) == ("x",)


def test_nothing_is_wrapped_by_itself():
    assert Isolation().wrap(("x",), []) == ("x",)
