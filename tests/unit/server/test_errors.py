"""Which status and shape each error of the tree becomes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from aiohttp.test_utils import make_mocked_request

from swaplab_core.domain import errors
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.problem import Problem
from swaplab_core.server.body import NoModel
from swaplab_core.server.errors import error_body, error_response, status_of
from swaplab_core.server.security.access import Unauthorized

STATUSES = {
    errors.SwaplabError: 500,
    errors.ClientError: 400,
    errors.InvalidRequest: 400,
    errors.UnknownModel: 404,
    errors.TooLarge: 413,
    errors.Conflict: 409,
    errors.TooManyRequests: 429,
    errors.ConfigError: 422,
    errors.InvalidForm: 422,
    errors.Stale: 412,
    errors.NotThere: 404,
    errors.NodeError: 502,
    errors.UpstreamError: 502,
    errors.StartFailed: 502,
    errors.UpstreamDied: 502,
    errors.UpstreamTimeout: 504,
    errors.PluginError: 502,
    errors.UnknownDriver: 502,
    errors.PluginFailed: 502,
    errors.Unloaded: 503,
    errors.ShuttingDown: 503,
}


def tree(root: type[SwaplabError] = SwaplabError) -> Iterator[type[SwaplabError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def made(kind):
    if issubclass(kind, errors.ConfigError):
        return kind([Problem("wrong", line=3)])
    return kind([("/text", "wrong")]) if kind is errors.InvalidForm else kind("wrong")


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_the_status_says_whose_fault_it_is(kind):
    status = status_of(made(kind))

    if issubclass(kind, errors.ClientError):
        assert 400 <= status < 500
    elif issubclass(kind, errors.UpstreamError | errors.PluginError):
        assert status in {502, 504}


@pytest.mark.parametrize(("kind", "status"), STATUSES.items(), ids=lambda value: getattr(value, "__name__", None))
def test_each_has_its_status(kind, status):
    error = made(kind)

    assert status_of(error) == status
    response = error_response(make_mocked_request("GET", "/"), error)
    body = json.loads(response.body)
    assert response.status == status
    details = {errors.ConfigError: {"problems", "line", "col"}, errors.InvalidForm: {"fields"}}
    assert body["error"].keys() == {"message", "type", "param", "code"} | details.get(kind, set())
    assert body["error"]["code"] == kind.code
    assert ("Retry-After" in response.headers) == (status in {429, 503})


def test_an_error_that_is_not_in_the_table_takes_the_status_of_the_nearest_above_it():
    assert status_of(NoModel("none")) == 400


def test_codes_are_stable_words():
    assert all(kind.code == kind.code.lower() and " " not in kind.code and "_" not in kind.code for kind in tree())


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (401, "authentication_error"), (429, "rate_limit_error"), (502, "server_error")],
)
def test_types_are_those_of_openai(status, kind):
    from http import HTTPStatus

    assert json.loads(error_body("m", HTTPStatus(status), "c"))["error"]["type"] == kind


def test_the_advice_is_in_the_message():
    error = errors.StartFailed("it broke", advice="mend it")
    body = json.loads(error_response(make_mocked_request("GET", "/"), error).body)

    assert body["error"]["message"] == "it broke (mend it)"


JSON, TEXT, HTML = "application/json", "text/plain", "text/html"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("text/event-stream", JSON),
        ("application/json, text/plain, */*", JSON),  # what axios sends
        ("text/plain", TEXT),
        ("TEXT/PLAIN;q=0.5, text/html", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", HTML),  # what a browser sends
    ],
)
def test_the_shape_is_what_the_client_accepts(accept, kind):
    request = make_mocked_request("GET", "/", headers={"Accept": accept} if accept else {})

    response = error_response(request, errors.TooManyRequests("<b>wait</b>"))

    assert (response.status, response.content_type, response.headers["Retry-After"]) == (429, kind, "1")
    assert {JSON: '"message":"<b>wait</b>"', TEXT: "swaplab: <b>wait</b>", HTML: "&lt;b&gt;wait&lt;/b&gt;"}[kind] in (
        response.text or response.body.decode()
    )
    assert kind != HTML or "<b>" not in response.text


@pytest.mark.parametrize(("mode", "asked"), [(None, True), ("navigate", True), ("cors", False), ("same-origin", False)])
def test_a_browser_asks_for_a_password_only_when_a_person_opens_a_page(mode, asked):
    request = make_mocked_request("GET", "/", headers={"Sec-Fetch-Mode": mode} if mode else {})

    assert ("WWW-Authenticate" in error_response(request, Unauthorized("who are you")).headers) == asked
