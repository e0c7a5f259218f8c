"""What can be said of one route beyond its path, its policy and its docstring."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import Factory, frozen

from swaplab_core.server.openapi.schema import ANYTHING, TEXT, Schema, shape

JSON = "application/json"
EVENTS = "text/event-stream"
PLAIN = "text/plain"
HTML = "text/html"
WHATEVER = "*/*"

Content = Mapping[str, Schema]
"""By content type."""
Query = Mapping[str, Schema]
"""By the name of the parameter."""
Statuses = Mapping[int, str]
NOTHING: Query = MappingProxyType({})
USUAL: Statuses = MappingProxyType({})
ENGINE: Statuses = MappingProxyType(
    {
        502: "the engine could not be started, or it died",
        503: "the model was unloaded meanwhile, or swaplab is stopping",
        504: "the engine did not answer in time",
    }
)
ENGINES_OWN: Content = MappingProxyType({JSON: {"anyOf": [shape("Error"), ANYTHING]}, WHATEVER: ANYTHING})
"""Of refusals: ours have our shape, those of an engine or a plugin have theirs."""
MOVED: Statuses = MappingProxyType({302: "a redirect to the pages"})


def _any_json() -> Content:
    return {JSON: ANYTHING}


@frozen
class Operation:
    """`query` are parameters that may be left out, `needed` those that may not. `body` None: none is read.

    `statuses` are answers beside 200 and 4xx, with what they mean.
    """

    answer: Content = Factory(_any_json)
    body: Content | None = None
    query: Query = NOTHING
    needed: frozenset[str] = frozenset()
    statuses: Statuses = USUAL
    refusal: Content = Factory(lambda: {JSON: shape("Error")})


def json_answer(schema: Schema, query: Query = NOTHING, statuses: Statuses = USUAL) -> Operation:
    """Nothing is read, and JSON is answered."""
    return Operation({JSON: schema}, query=query, statuses=statuses)


def text_answer(kind: str = PLAIN, query: Query = NOTHING, statuses: Statuses = USUAL) -> Operation:
    """Nothing is read, and text of some kind is answered."""
    return Operation({kind: TEXT}, query=query, statuses=statuses)


def events_answer(query: Query = NOTHING) -> Operation:
    """Nothing is read, and events are sent as they come."""
    return Operation({EVENTS: ANYTHING}, query=query)


def unsaid(*, has_body: bool, is_plugins: bool) -> Operation:
    """Of a route of which nothing is said. A plugin's may ask engines, and refuses in its own words."""
    body = {JSON: ANYTHING} if has_body else None
    if not is_plugins:
        return Operation({WHATEVER: ANYTHING}, body, statuses={202: "begun", 204: "done", **ENGINE})
    statuses = {501: "not done by this server", **ENGINE}
    return Operation({WHATEVER: ANYTHING}, body, statuses=statuses, refusal=ENGINES_OWN)
