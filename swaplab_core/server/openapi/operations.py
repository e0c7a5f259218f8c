"""What each route takes and answers, beside what its docstring and its policy say.

A route that is not in the table is in the document all the same: it takes and answers any JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

from swaplab_core.domain.activity import MAX_PAGE_SIZE, GroupKey, Measure
from swaplab_core.server.inference.served_paths import ASKED, POSTED
from swaplab_core.server.openapi.control import CONTROL
from swaplab_core.server.openapi.operation import (
    ENGINE,
    ENGINES_OWN,
    EVENTS,
    HTML,
    JSON,
    MOVED,
    PLAIN,
    WHATEVER,
    Operation,
    events_answer,
    json_answer,
    text_answer,
)
from swaplab_core.server.openapi.schema import (
    ANYTHING,
    COUNT,
    FLAG,
    NUMBER,
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
_PASSED = Operation(
    {WHATEVER: ANYTHING}, statuses={301: "to the same with a slash", 308: "the same", **ENGINE}, refusal=ENGINES_OWN
)
_FILTER: Mapping[str, Schema] = {
    "model": described(listing(TEXT), "repeated: any of them"),
    "status": described(listing(TEXT), "404, or 4xx; repeated: any of them"),
    "start": TIME,
    "end": TIME,
    "id": described(listing(_ID), "repeated: these rows and no others"),
    "min_id": _ID,
    "max_id": _ID,
    "session": TEXT,
    "text": described(TEXT, "stands in the path, the model, the error or the metadata"),
    "client": described(TEXT, "who asked, as the rows tell it"),
    "path": TEXT,
    "min_ms": described(COUNT, "took at least so long"),
    "captured": described(FLAG, "true: only those whose exchange can still be looked at"),
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
    **CONTROL,
    **{("POST", path): _inference(path) for path in POSTED},
    **{("GET", path): _asked() for path in ASKED},
    ("GET", "/health"): text_answer(),
    ("GET", "/wol-health"): text_answer(),
    ("GET", "/v1/models"): json_answer(record(object={"const": "list"}, data=listing(shape("ListedModel")))),
    ("GET", "/models"): json_answer(record(object={"const": "list"}, data=listing(shape("ListedModel")))),
    ("GET", "/running"): json_answer(record(running=listing(shape("RunningModel")))),
    ("GET", "/unload"): text_answer(),
    ("POST", "/api/models/unload"): json_answer(record(msg=TEXT)),
    ("POST", "/api/models/unload/{model}"): text_answer(),
    ("GET", "/api/models"): json_answer(record(models=listing(shape("Model")))),
    ("GET", "/api/models/{model}"): json_answer(shape("Model")),
    ("POST", "/api/models/load/{model}"): json_answer(shape("Model"), statuses=ENGINE),
    ("POST", "/api/plan"): Operation({JSON: shape("SwapPlan")}, {JSON: record(model=shape("ModelName"))}),
    ("GET", "/api/memory"): json_answer(record(places=OBJECT, models=OBJECT)),
    ("GET", "/api/profiles"): json_answer(record(active=maybe(TEXT), profiles=listing(shape("Profile")))),
    ("PUT", "/api/profiles/active"): Operation({JSON: record(active=maybe(TEXT))}, {JSON: record(name=maybe(TEXT))}),
    ("GET", "/api/plugins"): json_answer(record(plugins=listing(shape("Plugin")))),
    ("PUT", "/api/plugins/{plugin}/switch"): Operation(
        {JSON: record(plugins=listing(shape("Plugin")))}, {JSON: partly(record(enabled=FLAG), anyway=FLAG)}
    ),
    ("GET", "/logs"): text_answer(PLAIN, statuses=MOVED),
    ("GET", "/logs/stream"): text_answer(PLAIN, {"no-history": TEXT}),
    ("GET", "/logs/stream/{source}"): text_answer(PLAIN, {"no-history": TEXT}),
    ("GET", "/api/logs"): json_answer(
        record(source=TEXT, lines=listing(shape("LogLine"))),
        {"source": _LINES["source"], "before": COUNT, "limit": COUNT},
    ),
    ("GET", "/api/logs/stream"): events_answer({**_LINES, "since": COUNT}),
    ("GET", "/api/events"): events_answer({"topics": described(TEXT, "names with commas between them, or *")}),
    ("GET", "/api/inflight"): json_answer(record(requests=listing(shape("Request")))),
    ("POST", "/api/inflight/{id}/cancel"): json_answer(record(msg=TEXT)),
    ("GET", "/api/metrics"): json_answer(listing(shape("FlatRow"))),
    ("GET", "/api/metrics/activity"): json_answer(
        record(data=listing(shape("Row")), page=WHOLE, limit=WHOLE, total=WHOLE, total_pages=WHOLE),
        {**_FILTER, **_PAGE},
    ),
    ("DELETE", "/api/metrics/activity"): json_answer(record(deleted=WHOLE)),
    ("DELETE", "/api/captures"): json_answer(record(deleted=WHOLE)),
    ("GET", "/api/metrics/kept"): json_answer(
        record(
            place=choice("memory", "file", "database"),
            rows=WHOLE,
            oldest=maybe(WHOLE),
            max_rows=maybe(WHOLE),
            max_age_seconds=maybe(NUMBER),
            captures=record(count=WHOLE, bytes=WHOLE, max_bytes=WHOLE),
        )
    ),
    ("GET", "/api/metrics/activity/export"): Operation(
        {JSON: listing(shape("Row")), "text/csv": TEXT, "text/markdown": TEXT},
        query={**_FILTER, **_ORDER, "format": choice("csv", "json", "md")},
    ),
    ("GET", "/api/metrics/stats"): json_answer(shape("Stats"), _FILTER),
    ("GET", "/api/metrics/groups"): json_answer(
        record(by=TEXT, groups=listing(shape("ActivityGroup"))),
        {**_FILTER, "by": choice(*(key.value for key in GroupKey)), "limit": _PAGE["limit"]},
    ),
    ("GET", "/api/metrics/heat"): json_answer(
        shape("Heat"), {**_FILTER, "of": choice(*(measure.value for measure in Measure))}
    ),
    ("GET", "/api/captures/{id}"): Operation(
        {JSON: shape("Capture"), PLAIN: TEXT}, query={"format": choice("json", "curl")}
    ),
    ("GET", "/api/performance"): json_answer(
        record(
            enabled=FLAG,
            sys_stats=maybe(listing(OBJECT)),
            gpu_stats=maybe(listing(OBJECT)),
            process_stats=maybe(listing(OBJECT)),
            step_seconds=maybe(NUMBER),
            gpu_source=ANYTHING,
            gpu_failures=OBJECT,
        ),
        {
            "after": TIME,
            "seconds": described({"type": "number", "exclusiveMinimum": 0, "maximum": 86400}, "as means"),
            "points": {"type": "integer", "minimum": 1, "maximum": 2000},
        },
        {503: "nothing is measured: `performance.disabled`"},
    ),
    ("GET", "/api/hardware"): json_answer(
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
    ("GET", "/metrics"): text_answer(
        PLAIN, {"engines": described(choice("true", "false"), "those of ready engines too")}
    ),
    ("GET", "/api/debug/engine"): json_answer(shape("Recording")),
    ("GET", "/api/version"): json_answer(record(version=TEXT, commit=TEXT, build_date=TEXT)),
    ("GET", "/api/openapi.json"): json_answer(record(openapi=TEXT, info=OBJECT, paths=OBJECT, components=OBJECT)),
    ("GET", "/"): text_answer(HTML, statuses=MOVED),
    ("GET", "/ui"): text_answer(HTML, statuses=MOVED),
    ("GET", "/ui/"): text_answer(HTML),
    ("GET", "/ui/{file}"): Operation({WHATEVER: ANYTHING}),
    ("GET", "/upstream"): text_answer(HTML, statuses=MOVED),
    ("*", "/upstream/{path}"): _PASSED,
    ("*", "/comfyui"): _PASSED,
    ("*", "/comfyui/{path}"): _PASSED,
}
