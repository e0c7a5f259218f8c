"""The values that several routes answer, or that need many words. What a route adds later breaks no client."""

from __future__ import annotations

from collections.abc import Mapping

from swaplab_core.domain.activity import SortKey
from swaplab_core.engine import Phase, Verdict
from swaplab_core.engine.effects import RefusalCode
from swaplab_core.engine.policy import Residency
from swaplab_core.engine.recording import FORMAT, SlotState
from swaplab_core.plugin.catalogue import PluginState
from swaplab_core.server.openapi.schema import (
    ANYTHING,
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
    TEXTS,
    TIME,
    WHOLE,
    Schema,
    choice,
    described,
    listing,
    maybe,
    partly,
    record,
    schema_of,
    shape,
)

_PHASES = choice(*(phase.value for phase in Phase))
_COUNT_OR_UNKNOWN = described({"type": "integer", "minimum": -1}, "-1: the engine did not say")
_SPEED_OR_UNKNOWN = described({"type": "number", "minimum": -1}, "per second; -1: the engine did not say")
_TOKENS: Mapping[str, Schema] = {
    "cache_tokens": _COUNT_OR_UNKNOWN,
    "draft_tokens": _COUNT_OR_UNKNOWN,
    "draft_acc_tokens": _COUNT_OR_UNKNOWN,
    "input_tokens": WHOLE,
    "output_tokens": WHOLE,
    "prompt_per_second": _SPEED_OR_UNKNOWN,
    "tokens_per_second": _SPEED_OR_UNKNOWN,
}
_HISTOGRAM = record(bins=listing(WHOLE), min=NUMBER, max=NUMBER, binSize=NUMBER, p50=NUMBER, p95=NUMBER, p99=NUMBER)
_ROW = partly(
    record(
        id=WHOLE,
        timestamp=TIME,
        model=TEXT,
        req_path=TEXT,
        resp_content_type=TEXT,
        resp_status_code=WHOLE,
        tokens=record(**_TOKENS),
        duration_ms=WHOLE,
        has_capture=FLAG,
        ttft_ms=maybe(NUMBER),
        wait_ms=maybe(NUMBER),
        itl_ms=maybe(NUMBER),
        itl_p95_ms=maybe(NUMBER),
    ),
    error_msg=TEXT,
    client=TEXT,
    metadata=TEXTS,
)

SHAPES: Mapping[str, Schema] = {
    "Error": record(
        error=record(
            message=described(TEXT, "for people: what happened, and what to do"),
            type=TEXT,
            param=ANYTHING,
            code=described(TEXT, "stable, see docs/reference/errors.md"),
        )
    ),
    "ModelName": described(TEXT, "a model, an alias, a selector, a name that the active profile pins, or peer/model"),
    "ListedModel": partly(
        record(id=TEXT, object={"const": "model"}, created=WHOLE, owned_by=TEXT, meta=OBJECT, status=OBJECT),
        name=TEXT,
        description=TEXT,
        capabilities=OBJECT,
        architecture=OBJECT,
        context_length=WHOLE,
    ),
    "Model": record(
        id=TEXT,
        aliases=listing(TEXT),
        name=TEXT,
        description=TEXT,
        backend=TEXT,
        recipe=described(TEXT, "the recipe it is made of, empty without one"),
        unlisted=FLAG,
        state=_PHASES,
        stale=described(FLAG, "it still runs an earlier configuration"),
        serving=WHOLE,
        waiting=WHOLE,
        pid=maybe(WHOLE),
        base_url=TEXT,
        elapsed_seconds=NUMBER,
        progress=maybe(record(stage=TEXT, fraction=maybe({"type": "number", "minimum": 0, "maximum": 1}))),
    ),
    "RunningModel": record(
        model=TEXT,
        state=choice("starting", "ready", "stopping"),
        cmd=TEXT,
        proxy=TEXT,
        ttl=WHOLE,
        name=TEXT,
        description=TEXT,
    ),
    "SwapPlan": record(
        model=TEXT,
        verdict=schema_of(Verdict),
        position=described(WHOLE, "place in the queue on arrival, 0: served or refused at once"),
        evictions=listing(
            record(model=TEXT, to=choice(*(level.name.lower() for level in Residency)), cost=WHOLE, reason=TEXT)
        ),
        starts=listing(TEXT),
        waits_for=described(listing(TEXT), "models whose running requests must end first"),
        refusal=maybe(schema_of(RefusalCode)),
        reason=TEXT,
        complete=described(FLAG, "false: the queue is too long to look further ahead"),
        memory=described(
            record(
                basis=choice("measured", "weights", "unknown"),
                measured_at=maybe(NUMBER),
                fits=maybe(FLAG),
                places=listing(OBJECT),
            ),
            "what the load takes and whether it is there; `fits` null: nobody knows",
        ),
    ),
    "Row": _ROW,
    "FlatRow": partly(_ROW, **_TOKENS),
    "Stats": record(
        total_requests=WHOLE,
        total_input_tokens=WHOLE,
        total_output_tokens=WHOLE,
        total_cache_tokens=WHOLE,
        prompt_histogram=maybe(_HISTOGRAM),
        gen_histogram=maybe(_HISTOGRAM),
    ),
    "ActivityGroup": record(
        key=TEXT,
        requests=WHOLE,
        failed=WHOLE,
        input_tokens=WHOLE,
        output_tokens=WHOLE,
        mean_ms=NUMBER,
        longest_ms=WHOLE,
        first=TIME,
        last=TIME,
    ),
    "Heat": record(
        start=TIME,
        seconds=described(WHOLE, "of one column"),
        columns=WHOLE,
        edges_ms=described(listing(WHOLE), "where each row begins"),
        cells=described(listing(listing(WHOLE)), "column, row, count"),
    ),
    "Capture": record(
        id=WHOLE,
        method=TEXT,
        req_path=TEXT,
        req_headers=TEXTS,
        req_body=described(TEXT, "base64"),
        resp_headers=TEXTS,
        resp_body=described(TEXT, "base64"),
        left_out=listing(choice("req_body", "resp_body")),
    ),
    "Request": partly(
        record(
            id=TEXT,
            timestamp=TIME,
            model=TEXT,
            req_path=TEXT,
            method=TEXT,
            req_headers=TEXTS,
            remote_ip=TEXT,
            resp_headers=TEXTS,
            resp_bytes=WHOLE,
            elapsed_ms=WHOLE,
        ),
        metadata=TEXTS,
    ),
    "Profile": record(id=TEXT, description=TEXT, pins={"type": "object", "additionalProperties": maybe(TEXT)}),
    "Plugin": record(
        group=TEXT,
        name=TEXT,
        target=TEXT,
        distribution=TEXT,
        version=TEXT,
        state=schema_of(PluginState),
        error=TEXT,
        hooks=listing(TEXT),
        enabled=FLAG,
        fixed=FLAG,
        needed_by=listing(TEXT),
    ),
    "LogLine": partly(record(seq=WHOLE, ts=NUMBER, source=TEXT, text=TEXT), level=TEXT, cr=FLAG),
    "Engine": record(
        policy=record(use=TEXT),
        patience=WHOLE,
        ticks=WHOLE,
        starts=WHOLE,
        live=listing(TEXT),
        queued=listing(TEXT),
        retiring=listing(TEXT),
        slots=listing(schema_of(SlotState)),
    ),
    "Recording": record(
        swaplab=TEXT,
        format={"const": FORMAT},
        state=shape("Engine"),
        start=described(shape("Engine"), "before the first step"),
        steps=listing(record(seconds_ago=NUMBER, fact=record(fact=TEXT), effects=maybe(listing(record(effect=TEXT))))),
    ),
    "SortKey": choice(*(key.value for key in SortKey)),
}
