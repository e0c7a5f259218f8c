"""What each route takes and answers, beside what its docstring and its policy say.

A route that is not in the table is in the document all the same: it takes and answers any JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import Factory, frozen

from swaplab_core.domain.activity import MAX_PAGE_SIZE
from swaplab_core.server.inference_paths import ASKED, POSTED
from swaplab_core.server.openapi.schema import (
    ANYTHING,
    FLAG,
    OBJECT,
    TEXT,
    TIME,
    WHOLE,
    Schema,
    choice,
    described,
    listing,
    maybe,
    partly,
    record,
    shape,
)

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


def _json(schema: Schema, query: Query = NOTHING, statuses: Statuses = USUAL) -> Operation:
    return Operation({JSON: schema}, query=query, statuses=statuses)


def _text(kind: str = PLAIN, query: Query = NOTHING, statuses: Statuses = USUAL) -> Operation:
    return Operation({kind: TEXT}, query=query, statuses=statuses)


def _events(query: Query) -> Operation:
    return Operation({EVENTS: ANYTHING}, query=query)


def _message(*roles: str) -> Schema:
    return partly(record(role=choice(*roles)), content=ANYTHING)


_STREAM = {"stream": described(FLAG, "answer with server-sent events")}
_NAMED = partly(record(model=shape("ModelName")), **_STREAM)
_CHAT = partly(
    record(model=shape("ModelName"), messages=listing(_message("system", "user", "assistant", "tool"))), **_STREAM
)
_MESSAGES = partly(
    record(model=shape("ModelName"), max_tokens=WHOLE, messages=listing(_message("user", "assistant"))), **_STREAM
)
_BODIES: Mapping[str, Schema] = {
    "chat/completions": _CHAT,
    "completions": partly(_NAMED, prompt=ANYTHING),
    "completion": partly(_NAMED, prompt=ANYTHING),
    "responses": partly(_NAMED, input=ANYTHING),
    "messages": _MESSAGES,
    "messages/count_tokens": _MESSAGES,
    "embeddings": partly(_NAMED, input=ANYTHING),
    "rerank": partly(_NAMED, query=TEXT, documents=listing(TEXT)),
    "reranking": partly(_NAMED, query=TEXT, documents=listing(TEXT)),
}
"""By the path without its version."""
_FORMS = frozenset({"/v1/audio/transcriptions", "/v1/images/edits"})


def _inference(path: str) -> Operation:
    schema = _BODIES.get(path.removeprefix("/v1/").removeprefix("/v/").removeprefix("/"), _NAMED)
    body = {"multipart/form-data": _NAMED} if path in _FORMS else {JSON: schema}
    return Operation({JSON: ANYTHING, EVENTS: ANYTHING, WHATEVER: ANYTHING}, body, statuses=ENGINE, refusal=ENGINES_OWN)


def _asked() -> Operation:
    query = {"model": shape("ModelName")}
    answer, needed = {JSON: ANYTHING, WHATEVER: ANYTHING}, frozenset({"model"})
    return Operation(answer, None, query, needed, ENGINE, ENGINES_OWN)


_ID = {"type": "integer", "minimum": 1}
_COUNT = {"type": "integer", "minimum": 0}
_FILTER: Mapping[str, Schema] = {
    "model": described(listing(TEXT), "repeated: any of them"),
    "status": described(listing(TEXT), "404, or 4xx; repeated: any of them"),
    "start": TIME,
    "end": TIME,
    "min_id": _ID,
    "max_id": _ID,
    "session": TEXT,
    "text": described(TEXT, "stands in the path, the model, the error or the metadata"),
}
_ORDER = {"order": choice("asc", "desc")}
_PAGE = {
    "sort": shape("SortKey"),
    **_ORDER,
    "page": {"type": "integer", "minimum": 1},
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE},
}
_LINES = {"source": described(TEXT, "proxy, upstream, or a model"), "level": choice("debug", "info", "warn", "error")}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    **{("POST", path): _inference(path) for path in POSTED},
    **{("GET", path): _asked() for path in ASKED},
    ("GET", "/health"): _text(),
    ("GET", "/wol-health"): _text(),
    ("GET", "/v1/models"): _json(record(object={"const": "list"}, data=listing(shape("ListedModel")))),
    ("GET", "/models"): _json(record(object={"const": "list"}, data=listing(shape("ListedModel")))),
    ("GET", "/running"): _json(record(running=listing(shape("RunningModel")))),
    ("GET", "/unload"): _text(),
    ("POST", "/api/models/unload"): _json(record(msg=TEXT)),
    ("POST", "/api/models/unload/{model}"): _text(),
    ("GET", "/api/models"): _json(record(models=listing(shape("Model")))),
    ("POST", "/api/models/load/{model}"): _json(shape("Model"), statuses=ENGINE),
    ("POST", "/api/plan"): Operation({JSON: shape("SwapPlan")}, {JSON: record(model=shape("ModelName"))}),
    ("GET", "/api/profiles"): _json(record(active=maybe(TEXT), profiles=listing(shape("Profile")))),
    ("PUT", "/api/profiles/active"): Operation({JSON: record(active=maybe(TEXT))}, {JSON: record(name=maybe(TEXT))}),
    ("GET", "/api/plugins"): _json(record(plugins=listing(shape("Plugin")))),
    ("GET", "/logs"): _text(PLAIN, statuses=MOVED),
    ("GET", "/logs/stream"): _text(PLAIN, {"no-history": TEXT}),
    ("GET", "/logs/stream/{source}"): _text(PLAIN, {"no-history": TEXT}),
    ("GET", "/api/logs"): _json(
        record(source=TEXT, lines=listing(shape("LogLine"))),
        {"source": _LINES["source"], "before": _COUNT, "limit": _COUNT},
    ),
    ("GET", "/api/logs/stream"): _events({**_LINES, "since": _COUNT}),
    ("GET", "/api/events"): _events({"topics": described(TEXT, "names with commas between them, or *")}),
    ("GET", "/api/inflight"): _json(record(requests=listing(shape("Request")))),
    ("POST", "/api/inflight/{id}/cancel"): _json(record(msg=TEXT)),
    ("GET", "/api/metrics"): _json(listing(shape("FlatRow"))),
    ("GET", "/api/metrics/activity"): _json(
        record(data=listing(shape("Row")), page=WHOLE, limit=WHOLE, total=WHOLE, total_pages=WHOLE),
        {**_FILTER, **_PAGE},
    ),
    ("GET", "/api/metrics/activity/export"): Operation(
        {JSON: listing(shape("Row")), "text/csv": TEXT}, query={**_FILTER, **_ORDER, "format": choice("csv", "json")}
    ),
    ("GET", "/api/metrics/stats"): _json(shape("Stats"), _FILTER),
    ("GET", "/api/captures/{id}"): Operation(
        {JSON: shape("Capture"), PLAIN: TEXT}, query={"format": choice("json", "curl")}
    ),
    ("GET", "/api/performance"): _json(
        record(
            enabled=FLAG,
            sys_stats=maybe(listing(OBJECT)),
            gpu_stats=maybe(listing(OBJECT)),
            gpu_source=ANYTHING,
            gpu_failures=OBJECT,
        ),
        {"after": TIME},
        {503: "nothing is measured: `performance.disabled`"},
    ),
    ("GET", "/api/hardware"): _json(
        record(
            schema_version=WHOLE,
            captured_at=TIME,
            capture=OBJECT,
            architecture=OBJECT,
            operating_system=OBJECT,
            environment=OBJECT,
            cpu=OBJECT,
            memory=OBJECT,
            accelerators=listing(OBJECT),
        ),
        statuses={503: "the machine did not tell what it is"},
    ),
    ("GET", "/metrics"): _text(PLAIN, {"engines": described(choice("true", "false"), "those of ready engines too")}),
    ("GET", "/api/debug/engine"): _json(shape("Recording")),
    ("GET", "/api/version"): _json(record(version=TEXT, commit=TEXT, build_date=TEXT)),
    ("GET", "/api/openapi.json"): _json(record(openapi=TEXT, info=OBJECT, paths=OBJECT, components=OBJECT)),
    ("GET", "/"): _text(HTML, statuses=MOVED),
    ("GET", "/ui"): _text(HTML, statuses=MOVED),
    ("GET", "/ui/"): _text(HTML),
    ("GET", "/ui/{file}"): Operation({WHATEVER: ANYTHING}),
    ("GET", "/upstream"): _text(HTML, statuses=MOVED),
}


def unsaid(*, has_body: bool) -> Operation:
    """Of a route that is not in the table, such as a plugin's: it may ask engines, and refuses in its own words."""
    body = {JSON: ANYTHING} if has_body else None
    statuses = {501: "not done by this server", **ENGINE}
    return Operation({WHATEVER: ANYTHING}, body, statuses=statuses, refusal=ENGINES_OWN)
