"""What the routes of the control plane take and answer: jobs, actions, configuration, recipes, sessions.

The older ones refuse with a text in `error`, see `ops_errors`; which do is read off their group.
"""

from __future__ import annotations

from collections.abc import Mapping

from swaplab_core.domain.job import JobState
from swaplab_core.server.openapi.operation import EVENTS, HTML, JSON, NOTHING, Operation, Query, json_answer
from swaplab_core.server.openapi.schema import (
    ANYTHING,
    COUNT,
    FLAG,
    NUMBER,
    OBJECT,
    TEXT,
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

_STATES = [state.value for state in JobState]
_PROBLEMS = listing(shape("Problem"))
_TEXT_OF_FILE = {JSON: record(content=TEXT)}
_REVISION = record(path=TEXT, content=TEXT, updatedAt=TEXT, revision=TEXT, redacted=FLAG)
_ENTRY = record(model=TEXT, content=maybe(TEXT), line=COUNT, values=OBJECT, revision=TEXT, redacted=FLAG)
_SWITCH = {"type": "string", "enum": ["true", "false", "1", "0"]}

CONTROL_SHAPES: Mapping[str, Schema] = {
    "Job": record(
        id=TEXT,
        kind=TEXT,
        title=TEXT,
        state=choice(*_STATES),
        target=TEXT,
        created=NUMBER,
        started=maybe(NUMBER),
        ended=maybe(NUMBER),
        start_at=maybe(NUMBER),
        step=WHOLE,
        steps=listing(TEXT),
        progress=maybe(record(stage=TEXT, fraction=maybe(NUMBER))),
        eta_seconds=maybe(NUMBER),
        waits_for=listing(TEXT),
        input=OBJECT,
        result=OBJECT,
        error=TEXT,
        command=TEXT,
        exit_code=maybe(WHOLE),
        log_bytes=COUNT,
        author=TEXT,
        retry_of=ANYTHING,
    ),
    "Action": record(
        id=TEXT,
        plugin=TEXT,
        title=TEXT,
        description=TEXT,
        slots=listing(TEXT),
        target=TEXT,
        input=described(OBJECT, "where its form's JSON Schema is"),
        confirm=OBJECT,
        danger=FLAG,
        policy=TEXT,
        preview=FLAG,
        available=record(ok=FLAG, reason=TEXT),
    ),
    "Plan": record(commands=listing(OBJECT), files=listing(OBJECT), warnings=listing(TEXT), locks=listing(TEXT)),
    "Problem": record(severity=TEXT, message=TEXT, advice=TEXT, path=TEXT, file=TEXT, line=COUNT, col=COUNT),
    "Changes": record(
        added=listing(TEXT),
        removed=listing(TEXT),
        changed=listing(TEXT),
        adjusted=listing(TEXT),
        restarts=listing(TEXT),
        stops=listing(TEXT),
        policy=FLAG,
        sections=listing(TEXT),
    ),
    "Session": record(role=TEXT, may=listing(TEXT), is_session=FLAG, asks_for_key=FLAG, send_header=TEXT),
    "OlderError": partly(
        record(error=described(TEXT, "for people"), code=TEXT, title=TEXT, status=WHOLE, detail=TEXT, advice=TEXT),
        problems=listing(OBJECT),
    ),
}


def _takes(body: Schema, answer: Schema = ANYTHING, query: Query = NOTHING, **statuses: str) -> Operation:
    meanings = {int(name.removeprefix("on_")): meaning for name, meaning in statuses.items()}
    return Operation({JSON: answer}, {JSON: body}, query, statuses=meanings)


_STATE = {"recipeRef": described(TEXT, "a recipe, by its place or its name")}
_OF_MODEL = {**_STATE, "model": described(TEXT, "instead: the recipe that this model is made of")}
_RECIPE = record(recipeRef=TEXT, content=TEXT)
_MODEL_OF_RECIPE = partly(
    record(modelId=TEXT, recipeRef=TEXT), name=TEXT, description=TEXT, mode=choice("solo", "cluster"), nodes=TEXT
)

CONTROL: Mapping[tuple[str, str], Operation] = {
    ("GET", "/api/jobs"): json_answer(
        record(jobs=listing(shape("Job")), total=COUNT),
        {
            "kind": described(TEXT, "how it begins"),
            "state": described(TEXT, f"one or some of {', '.join(_STATES)}"),
            "target": TEXT,
            "limit": COUNT,
        },
    ),
    ("GET", "/api/jobs/{job}"): json_answer(shape("Job")),
    ("GET", "/api/jobs/{job}/log"): Operation(
        {JSON: record(lines=listing(OBJECT), next=COUNT, end=COUNT, state=TEXT), "text/plain": TEXT},
        query={"offset": COUNT, "format": choice("json", "text")},
    ),
    ("GET", "/api/jobs/{job}/log/stream"): Operation({EVENTS: ANYTHING}, query={"offset": COUNT}),
    ("POST", "/api/jobs/{job}/cancel"): json_answer(record(job=shape("Job"))),
    ("POST", "/api/jobs/{job}/retry"): Operation(statuses={202: "the new job"}),
    ("DELETE", "/api/jobs/{job}"): Operation(statuses={204: "forgotten"}),
    ("GET", "/api/actions"): json_answer(record(actions=listing(shape("Action"))), {"slot": TEXT, "target": TEXT}),
    ("POST", "/api/actions/{action}"): _takes(
        partly({"type": "object"}, input=OBJECT, target=TEXT, start_at=maybe(NUMBER)),
        shape("Plan"),
        {"dry_run": choice("0", "1")},
        on_202="the job that does it",
        on_502="a machine or a plugin failed",
    ),
    ("GET", "/api/nodes"): json_answer(
        record(items=listing(record(id=TEXT, title=TEXT, executor=TEXT, address=TEXT, labels=OBJECT)))
    ),
    ("GET", "/api/diagnostics"): json_answer(record(diagnostics=listing(OBJECT)), {"plugin": TEXT}),
    ("GET", "/api/diagnostics/bundle"): Operation({"application/zip": ANYTHING}),
    ("GET", "/api/config/form/{model}"): json_answer(OBJECT),
    ("GET", "/api/config/models/{model}"): json_answer(_ENTRY),
    ("PUT", "/api/config/models/{model}"): _takes(partly({"type": "object"}, content=TEXT, values=OBJECT), _ENTRY),
    ("GET", "/api/config/editor"): json_answer(_REVISION),
    ("PUT", "/api/config/editor"): Operation({JSON: partly(_REVISION, changes=shape("Changes"))}, _TEXT_OF_FILE),
    ("POST", "/api/config/validate"): Operation(
        {JSON: record(ok=FLAG, problems=_PROBLEMS, changes=maybe(shape("Changes")))}, _TEXT_OF_FILE
    ),
    ("POST", "/api/config/rewrite"): _takes(
        partly(record(content=TEXT), document=OBJECT), record(content=TEXT, document=OBJECT)
    ),
    ("POST", "/api/config/resolve"): _takes(
        record(content=TEXT, model=TEXT),
        partly(
            record(model=TEXT, entry=OBJECT, problem=TEXT, command=maybe(listing(TEXT))),
            env=OBJECT,
            folder=TEXT,
            base_url=TEXT,
            node=TEXT,
            ready=maybe(TEXT),
            stop=listing(TEXT),
        ),
    ),
    ("GET", "/api/config/history"): json_answer(
        record(revisions=listing(record(revision=TEXT, time=TEXT, author=TEXT, reason=TEXT)))
    ),
    ("GET", "/api/config/history/{revision}"): json_answer(record(revision=TEXT, content=TEXT, redacted=FLAG)),
    ("POST", "/api/config/restore"): _takes(record(revision=TEXT), partly(_REVISION, changes=shape("Changes"))),
    ("GET", "/api/config/schema"): json_answer(OBJECT),
    ("GET", "/api/ui/manifest"): json_answer(OBJECT),
    ("GET", "/api/ui/schemas/{schema}"): json_answer(OBJECT),
    ("GET", "/ui/plugins/{plugin}/{digest}/{file}"): Operation({"*/*": ANYTHING}),
    ("GET", "/api/plugins/{plugin}/settings"): json_answer(record(values=OBJECT, secrets=listing(TEXT))),
    ("PUT", "/api/plugins/{plugin}/settings"): _takes(OBJECT, record(values=OBJECT, secrets=listing(TEXT))),
    ("GET", "/api/recipes/state"): json_answer(OBJECT),
    ("POST", "/api/recipes/models"): _takes(_MODEL_OF_RECIPE, OBJECT),
    ("DELETE", "/api/recipes/models/{model}"): json_answer(OBJECT, {"cascadeRecipe": _SWITCH}),
    ("GET", "/api/recipes/source"): json_answer(OBJECT, _OF_MODEL),
    ("PUT", "/api/recipes/source"): _takes(partly(_RECIPE, revision=TEXT), OBJECT),
    ("DELETE", "/api/recipes/source"): json_answer(OBJECT, {**_STATE, "purgeManaged": _SWITCH}),
    ("POST", "/api/recipes/source/create"): _takes(partly(_RECIPE, overwrite=FLAG), OBJECT),
    ("POST", "/api/recipes/source/sync-defaults"): _takes(record(recipeRef=TEXT), OBJECT),
    ("POST", "/api/recipes/source/validate"): _takes(
        partly({"type": "object"}, content=TEXT, recipeRef=TEXT, path=TEXT),
        record(format=TEXT, ok=FLAG, problems=_PROBLEMS, commands=listing(OBJECT), warnings=listing(TEXT)),
    ),
    ("GET", "/api/recipes/source/diff"): json_answer(
        record(recipeRef=TEXT, diff=TEXT), {**_OF_MODEL, "against": choice("copy", "git")}
    ),
    ("GET", "/api/recipes/table"): json_answer(record(items=listing(OBJECT))),
    ("GET", "/api/recipes/managed"): json_answer(record(items=listing(OBJECT)), _OF_MODEL),
    ("GET", "/api/recipes/schema"): json_answer(OBJECT, {"format": TEXT}),
    ("GET", "/api/recipes/form"): json_answer(record(values=OBJECT), _STATE),
    ("PUT", "/api/recipes/form"): _takes(OBJECT, record(values=OBJECT)),
    ("GET", "/api/recipes/form/schema"): json_answer(OBJECT, _STATE),
    ("POST", "/api/recipes/wizard"): _takes(
        partly({"type": "object"}, input=maybe(OBJECT), state=maybe(OBJECT)), OBJECT
    ),
    ("GET", "/api/recipes/formats"): json_answer(record(formats=listing(OBJECT), items=listing(OBJECT))),
    ("POST", "/api/recipes/preview"): _takes(_MODEL_OF_RECIPE, OBJECT),
    ("POST", "/api/recipes/prune"): _takes(partly({"type": "object"}, dryRun=FLAG), OBJECT),
    ("GET", "/api/recipes/backends"): json_answer(record(active=TEXT, backends=listing(OBJECT))),
    ("PUT", "/api/recipes/backends/{backend}/image"): _takes(record(image=TEXT), OBJECT),
    ("GET", "/api/recipes/backend"): json_answer(OBJECT),
    ("PUT", "/api/recipes/backend"): _takes(record(backendDir=TEXT), OBJECT),
    ("POST", "/api/recipes/backend/action"): _takes(
        partly(record(action=TEXT), backend=TEXT, wait=FLAG),
        OBJECT,
        on_202="begun, with `wait` false",
        on_502="the action failed; with its output",
    ),
    ("GET", "/api/recipes/backend/action-status"): json_answer(record(running=FLAG, state=TEXT)),
    ("GET", "/api/recipes/containers"): json_answer(listing(TEXT)),
    ("GET", "/api/recipes/selected-container"): json_answer(OBJECT),
    ("PUT", "/api/recipes/selected-container"): _takes(record(container=TEXT), OBJECT),
    ("GET", "/api/session"): json_answer(shape("Session")),
    ("POST", "/api/session"): _takes(record(key=TEXT), shape("Session")),
    ("DELETE", "/api/session"): json_answer(shape("Session")),
    ("POST", "/api/session/link"): json_answer(record(path=TEXT, expires_in_seconds=NUMBER)),
    ("GET", "/login"): Operation({HTML: TEXT}, query={"once": TEXT}, statuses={303: "logged in, go to the pages"}),
    ("GET", "/favicon.ico"): Operation({"*/*": ANYTHING}, statuses={204: "there is none"}),
}
