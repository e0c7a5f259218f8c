"""Who has a path."""

from __future__ import annotations

import pytest

from swaplab_core.server.plugins.claims import Claims, meet, parse_pattern

CORE = ["/v1/models", "/upstream/{path:.*}", "/api/models/load/{model:.+}", "/api/plugins", "/ui/", "/api/job/{id}/log"]


def take(path, method="GET", core=CORE):
    return Claims.of_core(core).take("mine", method, path)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/", "/v1/{name}", "/upstream/x/y", "/upstream", "/ui"])
def test_what_the_core_serves_is_taken(path):
    assert take(path) == "swaplab itself"


@pytest.mark.parametrize("path", ["/api/models/load/a", "/api/models/load/a/b", "/api/job/7/log", "/api/{x}/7/log"])
def test_so_is_what_its_patterns_match(path):
    assert take(path) == "swaplab itself"


@pytest.mark.parametrize("path", ["/api/chat", "/v1/models/x", "/api/models/pull", "/api/plugins/m/x", "/api/job/7"])
def test_everything_else_is_free(path):
    assert take(path) is None


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_path_has_one_owner_whatever_the_method(method):
    assert take("/v1/models", method) == "swaplab itself"


def test_a_route_for_everything_claims_nothing():
    assert take("/api/chat", core=["/{tail:.*}"]) is None


def test_the_first_plugin_has_the_path():
    claims = Claims.of_core([])
    assert claims.take("first", "GET", "/api/chat") is None
    assert claims.take("second", "POST", "/api/chat") == "first"
    assert claims.take("second", "POST", "/api/{word}") == "first"
    assert claims.take("second", "POST", "/api/{rest:path}") == "first"
    assert claims.take("second", "POST", "/api/chats") is None


def test_a_plugin_may_use_its_path_with_several_methods_but_each_once():
    claims = Claims.of_core([])
    assert claims.take("mine", "GET", "/api/chat") is None
    assert claims.take("mine", "POST", "/api/chat") is None
    assert claims.take("mine", "GET", "/api/{word}") is None
    assert claims.take("mine", "POST", "/api/chat/") == "another route of its own"


def test_what_could_not_be_taken_is_not_held():
    claims = Claims.of_core(["/a"])
    assert claims.take("first", "GET", "/{word}") == "swaplab itself"
    assert claims.take("second", "GET", "/b") is None


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        ("/a/{x}", "/{x}/b", True),
        ("/a/{x}", "/{x}/b/c", False),
        ("/a/{x:path}", "/a", True),
        ("/a/{x:path}", "/{x}", True),
        ("/a/{x:path}", "/b/{x:path}", False),
        ("/a-{x}.json", "/a-1.json", True),
        ("/", "/", True),
        ("/", "/a", False),
    ],
)
def test_two_patterns_meet_when_one_path_matches_both(a, b, both):
    assert meet(parse_pattern(a), parse_pattern(b)) is both
    assert meet(parse_pattern(b), parse_pattern(a)) is both
