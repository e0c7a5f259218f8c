"""What a plugin may declare as a route, and what its handler is given."""

from __future__ import annotations

import asyncio

import pytest

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import Call, GatewayResponse, Policy, Reply, Route


async def nothing(_call, _gateway):
    return Reply()


def route(**changes):
    return Route(**{"method": "GET", "path": "/x", "policy": Policy.READ, "handler": nothing, **changes})


def test_a_route_without_a_policy_cannot_be_made():
    with pytest.raises(TypeError, match="policy"):
        Route(method="GET", path="/x", handler=nothing)


@pytest.mark.parametrize("policy", [None, "read", "", True])
def test_nor_one_whose_policy_is_something_else(policy):
    with pytest.raises(TypeError, match="is none of swaplab_core"):
        route(policy=policy)


@pytest.mark.parametrize("method", ["get", "HEAD", "*", "", None])
def test_a_method_is_one_of_those_that_handlers_can_take(method):
    with pytest.raises(ValueError, match="is none of GET, POST"):
        route(method=method)


@pytest.mark.parametrize("path", ["/", "/a", "/a/b-c_d.e~f", "/a/", "/{one}", "/a/{one}/b/{two}", "/a/{rest:path}"])
def test_a_path_is_words_and_placeholders(path):
    assert route(path=path).path == path


@pytest.mark.parametrize(
    "path", ["", "a", "//", "/a//b", "/a b", "/a/{b", "/a/{b}c", "/{b:.*}", "/{b:path}/c", "/{B}", "/ü", "/a?b", None]
)
def test_anything_else_is_no_path(path):
    with pytest.raises(ValueError, match=r"is no path of a route: write it like /word/\{placeholder\}"):
        route(path=path)


def test_a_public_path_may_have_placeholders_after_its_first_word():
    assert route(public_path="/api/things/{thing}").public_path == "/api/things/{thing}"


@pytest.mark.parametrize("path", ["/", "/{anything}", "/{rest:path}", "/api/plugins/other/x"])
def test_a_public_path_begins_with_a_word_of_its_own(path):
    with pytest.raises(ValueError, match="must begin with a word of its own"):
        route(public_path=path)


def test_a_public_path_is_a_path():
    with pytest.raises(ValueError, match="public_path 'x' is no path"):
        route(public_path="x")


def test_a_handler_can_be_called():
    with pytest.raises(TypeError, match="handler"):
        route(handler="nothing")


def test_a_call_decodes_its_body():
    assert Call("POST", "/x", body=b'{"a": [1]}').json() == {"a": [1]}


@pytest.mark.parametrize(("body", "said"), [(b"", "not valid JSON"), (b"{", "not valid JSON"), (b"[1]", "JSON object")])
def test_a_body_that_is_no_object_is_the_callers_fault(body, said):
    with pytest.raises(InvalidRequest, match=said):
        Call("POST", "/x", body=body).json()


def test_a_reply_of_json():
    assert Reply.of_json({"a": 1}, 404) == Reply(404, {"Content-Type": "application/json"}, b'{"a":1}')


@pytest.mark.parametrize("wrong", [{"status": "200"}, {"headers": {"X-Number": 1}}, {"body": "text"}])
def test_a_reply_of_wrong_types_cannot_be_made(wrong):
    with pytest.raises(TypeError):
        Reply(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"status": 100}, {"status": 600}, {"headers": {"X": "a\r\nb"}}, {"headers": {"X": "\0"}}, {"headers": {"": ""}}],
)
def test_nor_one_that_cannot_be_sent(wrong):
    with pytest.raises(ValueError, match=r"must be|cannot be sent"):
        Reply(**wrong)


def test_a_gateway_response_can_be_read_as_a_whole():
    async def pieces():
        yield b"a"
        yield b"b"

    assert asyncio.run(GatewayResponse(200, {}, pieces()).read()) == b"ab"
