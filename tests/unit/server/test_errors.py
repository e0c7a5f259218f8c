"""Which status and shape each error of the tree becomes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from swaplab_core.domain import errors
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.domain.problem import Problem
from swaplab_core.server.body import NoModel
from swaplab_core.server.errors import error_body, error_response, status_of

STATUSES = {
    errors.SwaplabError: 500,
    errors.ClientError: 400,
    errors.InvalidRequest: 400,
    errors.UnknownModel: 404,
    errors.TooLarge: 413,
    errors.Conflict: 409,
    errors.TooManyRequests: 429,
    errors.ConfigError: 422,
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


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
def test_the_status_says_whose_fault_it_is(kind):
    status = status_of(kind([Problem("wrong")]) if issubclass(kind, errors.ConfigError) else kind("wrong"))

    if issubclass(kind, errors.ClientError):
        assert 400 <= status < 500
    elif issubclass(kind, errors.UpstreamError | errors.PluginError):
        assert status in {502, 504}


@pytest.mark.parametrize(("kind", "status"), STATUSES.items(), ids=lambda value: getattr(value, "__name__", None))
def test_each_has_its_status(kind, status):
    error = kind([Problem("wrong")]) if kind is errors.ConfigError else kind("wrong")

    assert status_of(error) == status
    response = error_response(error)
    body = json.loads(response.body)
    assert response.status == status
    assert body["error"].keys() == {"message", "type", "param", "code"}
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
    body = json.loads(error_response(errors.StartFailed("it broke", advice="mend it")).body)

    assert body["error"]["message"] == "it broke (mend it)"
