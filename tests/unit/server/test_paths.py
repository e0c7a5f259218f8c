"""Finding a model at the beginning of a path."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swaplab_core.server.inference.model_path import ModelPath, origin_form, split_model_path

MODELS = {"m", "org/m", "org", "org/m/x", "ünï", "a b", "50%"}


def split(raw: str) -> ModelPath[str] | None:
    return split_model_path(raw, lambda name: name if name in MODELS else None)


@pytest.mark.parametrize(
    ("raw", "model", "rest", "query"),
    [
        ("m/", "m", "/", ""),
        ("m", "m", "", ""),
        ("m?a=/b", "m", "", "?a=/b"),
        ("m/v1/chat?x=1?y=%2F", "m", "/v1/chat", "?x=1?y=%2F"),
        ("org/m", "org/m", "", ""),
        ("org%2Fm/a", "org/m", "/a", ""),
        ("org%2fm%2Fx/a", "org/m/x", "/a", ""),
        ("org/m/x/y", "org/m/x", "/y", ""),
        ("org/n/x", "org", "/n/x", ""),
        ("%C3%BCn%C3%AF/%2F", "ünï", "/%2F", ""),
        ("a%20b//c", "a b", "//c", ""),
        ("50%25/%25", "50%", "/%25", ""),
        ("m//", "m", "//", ""),
    ],
)
def test_the_longest_name_is_taken_and_the_rest_stays_as_it_is(raw, model, rest, query):
    assert split(raw) == ModelPath(model, rest, query)


@pytest.mark.parametrize("raw", ["", "/", "x", "mm/", "M/", "x/m", "?m", "a+b/", "%ff", "%zz/"])
def test_what_begins_with_no_model_is_nobody(raw):
    assert split(raw) is None


@given(st.text(min_size=1).filter(lambda name: "?" not in name), st.text(), st.text())
def test_a_quoted_name_and_what_follows_it_are_found_again(name, rest, query):
    path = "/" + quote(rest, safe="/")
    raw = quote(name, safe="") + path + "?" + quote(query)

    found = split_model_path(raw, lambda asked: asked if asked == name else None)

    assert found == ModelPath(name, path, "?" + quote(query))


@pytest.mark.parametrize(
    ("target", "origin"),
    [
        ("/a%2Fb?c=%2F", "/a%2Fb?c=%2F"),
        ("//a", "//a"),
        ("http://host:1/a%2Fb?c=%2F&u=http://x", "/a%2Fb?c=%2F&u=http://x"),
        ("http://host", "/"),
        ("*", "*"),
    ],
)
def test_the_origin_form_is_path_and_query_as_written(target, origin):
    assert origin_form(target) == origin
