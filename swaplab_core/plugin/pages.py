"""What the pages can show for plugins: slots, kinds of views, cells, widgets. docs/reference/ui.md is made from this.

Unknown words harm nothing: a view of an unknown kind is shown as JSON, an unknown widget as a text field, an unknown
icon as a puzzle piece, and what stands in an unknown slot is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen


@frozen
class Kind:
    """A kind of view: what it shows, the JSON that its source answers, and its props."""

    shows: str
    data: str
    props: str = ""


SLOTS: Mapping[str, str] = MappingProxyType(
    {
        "page": "a page of its own, at the view's or module's `route` (`/x/<plugin>/<page>`); its first view's props "
        "may hold `subtitle` and `back: {href, title}`, any view's `links: [{href, title, icon?}]`; the context is the "
        "query of the address",
        "dashboard.cards": "cards of the overview",
        "models.row.actions": "the menu of a model in the list; target `model`",
        "models.row.badges": "beside a model's name in the list",
        "model.header.actions": "the head of a model's page; target `model`",
        "model.tabs": "tabs of a model's page",
        "model.sections": "cards on the first tab of a model's page",
        "plugin.actions": "a plugin's card on the page of plugins; target `plugin`",
        "logs.sources": "one more source on the page of logs: a view of kind `log`; its title names it",
        "command-palette": "the command palette (Ctrl-K); no target",
    }
)
"""The slots of the core's pages. `page:<route>` is the head of a plugin's page; `row_actions` of a table names more."""

_OF_A_MODEL: Mapping[str, str] = MappingProxyType(
    {
        "model": "its id",
        "backend": "the name of its backend",
        "node": "the machine it runs on, empty for this one",
        "recipe": "its recipe, empty without one",
    }
)
CONTEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"models.row.badges": _OF_A_MODEL, "model.tabs": _OF_A_MODEL, "model.sections": _OF_A_MODEL}
)
"""What a slot is about, as words: in a `source` they stand in braces, `only` asks for their values."""

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "kv": Kind("names and values", "`{items: [{label, value, type?}]}`, or an object"),
        "table": Kind(
            "rows that can be sorted and searched",
            "`{items: [{…}]}`; an `id` in a row keeps it apart from others",
            "`columns: [{id, title, type?}]`, `row_actions`: a slot whose actions stand in each row, the row's values "
            "being their context (`context` in a row adds to it, `values` are what forms begin with, `reasons` by "
            "action say why one cannot be run there); `filters`: "
            "columns to choose by, `search`: a field to search in, both kept in the address; `empty`, what to say and "
            "to do when there are none",
        ),
        "matrix": Kind(
            "rows against columns, as healths of nodes",
            "`{rows: [{id, title}], columns: [{id, title}], cells: {row: {column: cell}}}`, a cell being "
            "`{state, text?, title?, actions?}`; `state` is ok, warn, err, na or pending",
        ),
        "cards": Kind(
            "a card for each thing",
            "`{items: [{id, title, state?, value?, type?, text?, progress?, items?: [{label, value, type?}], notes?: "
            "[{level, text}], actions?: [ids or {id, reason}], context?}]}`; `progress` is a fraction, `reason` says "
            "why an action cannot be run on this thing",
            "`empty`, what to say and to do when there are none",
        ),
        "progress": Kind("bars", "`{items: [{label, value, max?, text?}]}`; without `max` the value is a fraction"),
        "timeseries": Kind(
            "lines over time",
            "`{t: [unix seconds], series: [{label, values, fill?}], marks?: [{at, until?, label}]}`",
            "`unit`, `max`",
        ),
        "histogram": Kind("counts by size", "`{bins: [counts], min, max, p50?, p95?, p99?}`", "`unit`"),
        "log": Kind(
            "lines as they come",
            "the source is a stream of `line` events (`{seq, ts, source, text, ansi?, level?, cr?}`), such as "
            "`api/jobs/<id>/log/stream`",
            "`source`: one of the server's own logs instead, `proxy` or `model:<id>`",
        ),
        "markdown": Kind("formatted text, made harmless", "`{text}`, or a text"),
        "code": Kind("text as it is", "`{text, language?}`, or a text", "`key`: what the text is called instead"),
        "diff": Kind("a unified diff in colours", "`{diff}`, or a text; empty: there is no difference"),
        "form": Kind(
            "a form over something that can be written",
            "GET answers `{values}` and an ETag, PUT takes the values",
            "`schema`: a JSON Schema, or `{$ref}` to one",
        ),
        "document": Kind(
            "a text with its problems, completion, a dry run while it is written, and what changes before it is saved",
            "`{content, revision, path?, editable?}`; texts beside them fill `{name}` in the props",
            "`save`: PUT takes `{content, revision}` and answers the same, 409 when it is not the newest; `check`: a "
            "POST takes `{content}` and answers `{problems: [{severity, message, advice, path, line, col}], "
            "commands?, files?, warnings?}`; `schema`: a JSON Schema; `body`: more to send, `{name}` filled in",
        ),
        "iframe": Kind(
            "a page of this server in a frame that can do nothing else", "the source is its address", "`height`"
        ),
        "tabs": Kind("views behind each other", "none", "`children`: views, as in the manifest"),
        "grid": Kind("views beside each other", "none", "`children`, `min_width`"),
        "callout": Kind("a hint", "`{level, text, title?}` or a list of them; `level` is info, ok, warn or error"),
        "wizard": Kind(
            "forms that follow from each other",
            "POST `{input, state, context}` answers `{form, title?, text?, state}`, `{job}`, `{done}` or `{abort}`; "
            "`to: {path, query}` goes to another page",
        ),
    }
)

CELLS: Mapping[str, str] = MappingProxyType(
    {
        "text": "as it is; paths below the home folder with ~",
        "code": "in the type of a terminal",
        "bytes": "a number of bytes, as 4.2 GB",
        "duration": "seconds, as 3 min 5 s",
        "ago": "unix seconds or an ISO time, as 5 minutes ago",
        "percent-bar": "a fraction or a percentage, with a bar",
        "badge": "a state in its colour; `{state, text?, title?}` or a text",
        "link": "`{href, text?}`",
        "bool": "a tick or a dash",
        "spark": "a list of numbers as a small line",
        "number": "at the right",
        "actions": "a list of actions, ids or `{id, context}`",
    }
)
"""Types of cells in tables, cards and `kv`."""

WIDGETS: Mapping[str, str] = MappingProxyType(
    {
        "text": "a line of text",
        "textarea": "several lines",
        "code:yaml": "several lines in the type of a terminal; any language may follow the colon",
        "slider": "a number between minimum and maximum",
        "tags": "texts, separated by commas",
        "int-list": "numbers, separated by commas: 512, 2048",
        "args": "arguments of a program, one in each line",
        "duration": "seconds",
        "bytes": "a number of bytes",
        "secret": "hidden; never sent back",
        "datetime": "a date and a time",
        "path": "a path",
        "model": "a model", "models": "several models",
        "node": "a node", "nodes": "several nodes",
        "image": "a container image",
        "hf-model": "a repository of a model hub",
        "recipe": "a recipe",
        "gpu-count": "a number of GPUs",
    }
)  # fmt: skip
"""Widgets of forms (`x-widget`); without one the type of a field says enough."""

SECTIONS = ("use", "operate", "library", "manage")
"""Sections of the side bar."""

ICONS = frozenset(
    {
        "activity", "arrow-left", "book-open", "bot", "box", "boxes", "chart-line", "circle-check",
        "circle-pause", "circle-play", "cloud-download", "container", "copy", "cpu", "database", "download",
        "eraser", "file-cog", "flask-conical", "gauge", "git", "git-pull-request", "hammer", "hard-drive",
        "heart-pulse", "key-round", "layers", "list-checks", "network", "octagon-x", "package", "pencil",
        "play", "plus", "power", "puzzle", "radar", "refresh", "refresh-cw", "scroll-text", "server",
        "settings", "square", "stethoscope", "terminal", "timer", "trash", "trash-2", "wrench", "zap",
    }
)  # fmt: skip
"""Names of icons that the pages know, after lucide's."""
