"""The OpenAPI document: whole, without dead ends, and true to the route table."""

from __future__ import annotations

import json
import re
from enum import Enum
from types import SimpleNamespace
from typing import Literal, NewType

import pytest
from aiohttp import web
from attrs import field, frozen

from swaplab_core.domain.access import Policy
from swaplab_core.plugin.routes import Route
from swaplab_core.server.application import Parts, build_application
from swaplab_core.server.openapi.document import document
from swaplab_core.server.openapi.operations import OPERATIONS
from swaplab_core.server.openapi.schema import schema_of
from swaplab_core.server.plugins.routes import PluginRoute
from swaplab_core.server.route import ROUTES, Endpoint, RouteTable, any_method


class Absent:
    """Stands for all that is behind the handlers."""

    def __getattr__(self, _):
        return self

    def __call__(self, *_):
        return self


@pytest.fixture(scope="module")
def table():
    absent = Absent()
    return build_application(Parts(*(absent for _ in Parts.__attrs_attrs__)))[ROUTES]


@pytest.fixture(scope="module")
def written(table):
    return json.loads(json.dumps(document(table)))


def operations(written):
    return [(path, method, said) for path, item in written["paths"].items() for method, said in item.items()]


def test_every_route_is_there_with_its_policy_and_what_it_does(table, written):
    for endpoint in table:
        item = written["paths"][endpoint.plain_path]
        methods = ["get", "post", "put", "patch", "delete"] if endpoint.method == "*" else [endpoint.method.lower()]
        for method in methods:
            assert item[method]["x-swaplab-policy"] == endpoint.policy.value
            assert item[method]["summary"]
            asks = item[method].get("security", written["security"])
            assert ({} in asks, bool(asks)) == {Policy.OPEN: (False, False), Policy.ADMIN: (False, True)}.get(
                endpoint.policy, (True, True)
            )


def test_nothing_is_described_that_is_not_served(table):
    served = {(endpoint.method, endpoint.plain_path) for endpoint in table}
    assert set(OPERATIONS) - served == set()


def test_every_part_of_a_path_is_a_parameter_and_every_operation_has_a_name_of_its_own(written):
    names = []
    for path, _, said in operations(written):
        in_path = [each["name"] for each in said["parameters"] if each["in"] == "path"]
        assert in_path == re.findall(r"{(\w+)}", path)
        names.append(said["operationId"])
    assert len(set(names)) == len(names)


def test_every_reference_leads_to_a_shape_and_every_shape_is_used(written):
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(written)))
    assert used == set(written["components"]["schemas"])


def test_what_only_the_administrator_may_do_demands_the_header_that_no_foreign_page_can_send(written):
    for _, method, said in operations(written):
        demands = any(each["name"] == "X-Swaplab" for each in said["parameters"])
        assert demands == (said["x-swaplab-policy"] == "admin" and method != "get")


def test_routes_that_refuse_in_the_older_shape_say_so(written):
    refusals = {
        path: said["responses"]["4XX"]["content"]["application/json"]["schema"] for path, _, said in operations(written)
    }
    usual = {"$ref": "#/components/schemas/Error"}
    assert refusals["/api/recipes/state"] == {"anyOf": [{"$ref": "#/components/schemas/OlderError"}, usual]}
    assert refusals["/api/jobs"] == usual


def test_only_routes_that_ask_an_engine_or_the_machine_may_answer_with_a_5xx(written):
    allowed = {
        path for path, _, said in operations(written) if any(status.startswith("5") for status in said["responses"])
    }
    assert {"/v1/chat/completions", "/api/models/load/{model}", "/upstream/{path}", "/api/hardware"} <= allowed
    assert not allowed & {"/api/models", "/api/plan", "/api/metrics/activity", "/health", "/api/debug/engine"}
    assert not any("500" in said["responses"] for _, _, said in operations(written))


def test_a_route_of_a_plugin_is_described_by_its_own_handler():
    async def handler(call, gateway):
        """Sing a song.

        Loudly.
        """

    route = Route(method="POST", path="/song", policy=Policy.INFER, handler=handler)
    served = PluginRoute("choir", route, SimpleNamespace(), print)
    said = document([Endpoint("POST", "/api/plugins/choir/song", Policy.INFER, served.serve)])

    operation = said["paths"]["/api/plugins/choir/song"]["post"]
    assert (operation["summary"], operation["tags"]) == ("Sing a song.", ["plugin choir"])
    assert set(operation["responses"]) == {"200", "4XX", "501", "502", "503", "504"}
    assert operation["requestBody"]["content"] == {"application/json": {"schema": {}}}


def test_a_route_for_every_method_and_one_for_a_single_method_share_a_path():
    table = RouteTable(web.Application())

    async def one(request):
        """One."""

    async def all_others(request):
        """All others."""

    table.mount(
        [Endpoint("POST", "/x/{rest:.*}", Policy.READ, one), any_method("/x/{rest:.+}", Policy.READ, all_others)]
    )

    (item,) = document(table)["paths"].values()
    assert {method: said["summary"] for method, said in item.items()} == {
        "post": "One.",
        **dict.fromkeys(["get", "put", "patch", "delete"], "All others."),
    }


class Colour(Enum):
    RED = "red"


Id = NewType("Id", str)


@frozen
class Inner:
    number: float | None


@frozen
class Outer:
    id: Id
    colours: tuple[Colour, ...]
    inner: Inner
    table: dict[str, int]
    word: Literal["a", "b"]
    unknown: object
    flag: bool = False
    hidden: int = field(default=0, init=False)


def test_the_schema_of_a_value_has_its_fields():
    assert schema_of(Outer) == {
        "type": "object",
        "required": ["id", "colours", "inner", "table", "word", "unknown", "flag"],
        "properties": {
            "id": {"type": "string"},
            "colours": {"type": "array", "items": {"enum": ["red"]}},
            "inner": {
                "type": "object",
                "required": ["number"],
                "properties": {"number": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
            },
            "table": {"type": "object", "additionalProperties": {"type": "integer"}},
            "word": {"enum": ["a", "b"]},
            "unknown": {},
            "flag": {"type": "boolean"},
        },
    }
