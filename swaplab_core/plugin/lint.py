"""What is wrong with what a plugin shows and offers, told before a person meets it. Pure, but for looking at files.

`swaplab plugins lint` asks this of what is installed, `PluginContract` of what is being written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from attrs import Attribute, frozen

from swaplab_core.config.structure import fields_by_key
from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.plan import Plan
from swaplab_core.domain.view import Module, NavEntry, Panels, View
from swaplab_core.plugin.actions import Action
from swaplab_core.plugin.modules import module_folder, module_name
from swaplab_core.plugin.pages import CELLS, CONTEXTS, ICONS, KINDS, SECTIONS, SLOTS, WIDGETS
from swaplab_core.plugin.routes import Route

CORE = "core"
"""The plugin that the core itself is."""

_ID = re.compile(r"[a-z0-9]+([_-][a-z0-9]+)*")
_MOUNT = re.compile(r"export\s+(async\s+)?function\s+mount\b|export\s+(const|let)\s+mount\b|export\s*\{[^}]*\bmount\b")
_WORDS = re.compile(r"\{(\w+)\}")
_OPTION = re.compile(r"-{1,2}[A-Za-z]")


@frozen
class Complaint:
    """Something to mend. `where` names the thing, `is_error` tells whether it does not work as it is."""

    where: str
    message: str
    is_error: bool = True

    def __str__(self) -> str:
        """One line."""
        return f"{self.where}: {self.message}"


def lint(
    plugin: str,
    *,
    settings: type | None = None,
    actions: Sequence[Action] = (),
    panels: Sequence[Panels] = (),
    routes: Sequence[Route] = (),
) -> list[Complaint]:
    """Everything that is wrong with one plugin."""
    views = [view for each in panels for view in each.views]
    slots = {slot for view in views for slot in _row_slots(view.props)}
    slots |= {f"page:{view.route}" for view in views if view.route}
    found = [*lint_actions(actions, slots), *_doubles("action", (action.spec.id for action in actions))]
    found += [complaint for view in views for complaint in _lint_view(plugin, view, routes)]
    found += [complaint for each in panels for entry in each.nav for complaint in _lint_nav(plugin, entry, panels)]
    found += [complaint for each in panels for module in each.modules for complaint in _lint_module(plugin, module)]
    found += _doubles("view", (view.id for view in views))
    if settings is not None:
        found += lint_form(f"settings of {plugin}", settings)
    return found


def _row_slots(props: Mapping[str, Any]) -> Iterator[str]:
    """The slots in rows of a table, and of those inside tabs and grids."""
    if isinstance(slot := props.get("row_actions"), str):
        yield slot
    for child in props.get("children") or ():
        if isinstance(child, Mapping) and isinstance(inner := child.get("props"), Mapping):
            yield from _row_slots(inner)


# actions and forms


def lint_actions(actions: Iterable[Action], own_slots: Iterable[str] = ()) -> Iterator[Complaint]:
    """What is wrong with actions and their forms."""
    for action in actions:
        spec = action.spec
        where = f"action {spec.id!r}"
        if not _ID.fullmatch(spec.id) or spec.id == "settings":
            yield Complaint(where, "the id must be words in small letters, joined by _ or -, and not `settings`")
        if not spec.title:
            yield Complaint(where, "it has no title")
        yield from _lint_icon(where, spec.icon)
        for slot in spec.slots:
            if slot not in SLOTS and slot not in own_slots and not slot.startswith("page:"):
                yield Complaint(where, f"no page of the core has the slot {slot!r}", is_error=False)
        yield from lint_form(where, spec.form)


def _lint_icon(where: str, icon: str) -> Iterator[Complaint]:
    if icon and icon not in ICONS:
        yield Complaint(where, f"there is no icon {icon!r}; it will be a puzzle piece", is_error=False)


def lint_form(where: str, form: type) -> Iterator[Complaint]:
    """What is wrong with the fields of a form."""
    if not attrs.has(form):
        yield Complaint(where, f"{form!r} is no attrs class")
        return
    for key, field in fields_by_key(form).items():
        yield from _lint_field(f"{where}, field {key!r}", field)


def _lint_field(where: str, field: Attribute[Any]) -> Iterator[Complaint]:
    metadata = field.metadata
    if not metadata.get("help") and not metadata.get("title"):
        yield Complaint(where, "it says neither title nor help: define it with form_field")
    widget = str(metadata.get("widget", ""))
    if widget and widget not in WIDGETS and not widget.startswith("code:"):
        yield Complaint(where, f"there is no widget {widget!r}; it will be a text field", is_error=False)
    if metadata.get("pattern"):
        try:
            re.compile(metadata["pattern"])
        except re.error as error:
            yield Complaint(where, f"its pattern is no regular expression: {error}")
    minimum, maximum = metadata.get("minimum"), metadata.get("maximum")
    if minimum is not None and maximum is not None and minimum > maximum:
        yield Complaint(where, "nothing is at least its minimum and at most its maximum")
    choices = metadata.get("choices") or ()
    if choices and isinstance(field.default, str) and field.default not in choices and field.default:
        yield Complaint(where, f"its default {field.default!r} is none of its choices")


# plans


def lint_plan(where: str, plan: Plan, texts: Iterable[str] = ()) -> Iterator[Complaint]:
    """What is wrong with a plan; `texts` are those that a person typed, which must not become options."""
    typed = {text for text in texts if _OPTION.match(text)}
    for step in plan.steps:
        if step.command is None:
            if not step.shown_as:
                yield Complaint(
                    where, f"the step {step.title!r} shows nothing in a preview: set shown_as", is_error=False
                )
            continue
        argv: Sequence[object] = step.command.argv
        if not argv or not argv[0] or not all(isinstance(part, str) for part in argv):
            yield Complaint(
                where, f"the argv of {step.title!r} is no list of texts that begins with a program: {argv!r}"
            )
            continue
        yield from _lint_argv(f"{where}, step {step.title!r}", step.command.argv, typed)


def _lint_argv(where: str, argv: Sequence[str], typed: set[str]) -> Iterator[Complaint]:
    if argv[0].startswith("-"):
        yield Complaint(where, f"the program {argv[0]!r} begins like an option")
    for number, part in enumerate(argv):
        if set(part) & set("\n\r\0"):
            yield Complaint(where, f"the argument {part!r} holds a line break or a NUL")
        if part in typed and "--" not in argv[:number]:
            yield Complaint(where, f"what a person typed, {part!r}, would be read as an option: put `--` before it")


# what is shown


def _lint_nav(plugin: str, entry: NavEntry, panels: Sequence[Panels]) -> Iterator[Complaint]:
    where = f"entry {entry.id!r} of the side bar"
    if plugin == CORE:  # its pages are in the pages themselves
        return
    yield from _lint_icon(where, entry.icon)
    routes = {view.route for each in panels for view in each.views}
    routes |= {module.route for each in panels for module in each.modules}
    if not entry.route.startswith(f"/x/{plugin}/"):
        yield Complaint(where, f"its route {entry.route!r} must begin with /x/{plugin}/")
    elif entry.route not in routes:
        yield Complaint(where, f"nothing of this plugin is shown at {entry.route!r}")
    if entry.section not in SECTIONS:
        yield Complaint(where, f"there is no section {entry.section!r}: {', '.join(SECTIONS)}", is_error=False)


def _lint_view(plugin: str, view: View, routes: Sequence[Route]) -> Iterator[Complaint]:
    where = f"view {view.id!r}"
    if view.kind not in KINDS:
        yield Complaint(where, f"there is no kind {view.kind!r}; it will be shown as JSON", is_error=False)
    if view.slot not in SLOTS:
        yield Complaint(where, f"no page of the core has the slot {view.slot!r}", is_error=False)
    if view.slot == "page" and not view.route.startswith(f"/x/{plugin}/"):
        yield Complaint(where, f"a page needs a route that begins with /x/{plugin}/, not {view.route!r}")
    if view.source.startswith("/") or "://" in view.source:
        yield Complaint(where, f"its source {view.source!r} must be relative to the server's root, as api/plugins/…")
    elif _is_own(plugin, view.source) and not _is_served(plugin, view.source, routes):
        yield Complaint(where, f"the plugin serves nothing at {view.source!r}")
    yield from _lint_context(where, view.slot, view.only, view.source)
    if view.kind == "table":
        yield from _lint_columns(where, view.props)


def _lint_context(where: str, slot: str, only: Mapping[str, Sequence[str]], source: str = "") -> Iterator[Complaint]:
    """Whether the words it asks for are words of its slot. A page is told what its address says behind the `?`."""
    if slot == "page" and not only:
        return
    known = CONTEXTS.get(slot, {})
    told = f"the slot {slot!r} tells {', '.join(known) or 'nothing'}"
    for word in _WORDS.findall(source):
        if word not in known:
            yield Complaint(where, f"its source asks for {{{word}}}, but {told}")
    for word, values in only.items():
        if word not in known:
            yield Complaint(where, f"`only` asks for {word!r}, but {told}")
        if isinstance(values, str) or not values or not all(isinstance(value, str) for value in values):
            yield Complaint(where, f"`only` must name a tuple of texts for {word!r}, not {values!r}")


def _lint_columns(where: str, props: Mapping[str, Any]) -> Iterator[Complaint]:
    for column in props.get("columns") or ():
        kind = column.get("type", "") if isinstance(column, Mapping) else ""
        if kind and kind not in CELLS:
            yield Complaint(where, f"there is no type of cells {kind!r}: {', '.join(CELLS)}", is_error=False)


def _is_own(plugin: str, source: str) -> bool:
    return source.startswith(f"api/plugins/{plugin}/") and "{" not in source and not source.endswith("/settings")


def _is_served(plugin: str, source: str, routes: Sequence[Route]) -> bool:
    path = "/" + source.removeprefix(f"api/plugins/{plugin}/").partition("?")[0]
    patterns = (re.sub(r"\\{[a-z_]+(:path)?\\}", ".+", re.escape(route.path)) for route in routes)
    return any(re.fullmatch(pattern, path) for pattern in patterns)


def _lint_module(plugin: str, module: Module) -> Iterator[Complaint]:
    where = f"module {module.id!r}"
    if module.slot == "page" and not module.route.startswith(f"/x/{plugin}/"):
        yield Complaint(where, f"a page needs a route that begins with /x/{plugin}/, not {module.route!r}")
    if module.slot not in SLOTS:
        yield Complaint(where, f"no page of the core has the slot {module.slot!r}", is_error=False)
    yield from _lint_context(where, module.slot, module.only)
    try:
        folder = module_folder(module)
    except PluginFailed as error:
        yield Complaint(where, error.message)
        return
    for name in (module.file, *module.css):
        if not (folder / module_name(name)).is_file():
            yield Complaint(where, f"the package {module.package!r} has no file {name!r}")
    file = folder / module_name(module.file)
    if file.is_file() and not _MOUNT.search(file.read_text(encoding="utf-8", errors="replace")):
        yield Complaint(where, f"{module.file} does not export a function `mount`")


def _doubles(what: str, ids: Iterable[str]) -> list[Complaint]:
    return [Complaint(f"{what} {name!r}", "there are two of this id") for name, n in Counter(ids).items() if n > 1]
