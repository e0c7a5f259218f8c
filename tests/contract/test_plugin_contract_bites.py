"""The contract of plugins fails for plugins that break it, each promise by its own name."""

from __future__ import annotations

import pytest
from attrs import field, frozen

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import (
    Action,
    ActionSpec,
    Command,
    Module,
    NavEntry,
    Panels,
    Plan,
    Policy,
    Reply,
    Route,
    Step,
    View,
    form_field,
    hookimpl,
)
from swaplab_core.testing.contracts.plugin import PluginContract


@frozen
class Form:
    name: str = form_field("Name")
    lines: str = form_field("Lines", "", widget="textarea")


def good_plan(form, target):
    if target == "refused":
        raise InvalidRequest("not that one")
    return Plan((Step("Say", Command(("echo", "--", form.name, "x"), stdin=form.lines.encode())),))


def actions(plan=good_plan, form=Form, **spec):
    return [Action(ActionSpec(**{"id": "say", "title": "Say", "form": form, **spec}), plan)]


def suite(*, panels=None, routes=(), **parts):
    """The contract of a plugin that offers this."""

    class Made:
        @hookimpl
        def swaplab_actions(self):
            return parts.get("actions", actions())

        @hookimpl
        def swaplab_panels(self):
            return [panels] if panels else []

        @hookimpl
        def swaplab_routes(self):
            return routes

    class Suite(PluginContract):
        name = "made"
        plugin = Made
        targets = ("", "refused")

    return Suite()


TESTS = [name for name in dir(PluginContract) if name.startswith("test_")]
IN_ORDER = "test_what_it_shows_and_offers_is_in_order"
PLANS = "test_every_input_is_planned_or_refused_and_no_text_becomes_an_option"


async def rows(_call, _gateway):
    return Reply()


def test_a_good_plugin_keeps_every_promise():
    view = View("rows", "page", "Rows", "table", "api/plugins/made/rows", route="/x/made/rows")
    nav = NavEntry("rows", "Rows", "/x/made/rows")
    route = Route(method="GET", path="/rows", policy=Policy.READ, handler=rows)
    good = suite(panels=Panels((nav,), (view,)), routes=[route])
    for name in TESTS:
        getattr(good, name)()


def raises(form, target):
    raise KeyError(form.name)


def no_plan(form, target):
    return "echo"


def option(form, target):
    return Plan((Step("Say", Command(("echo", form.name))),))


def shell(form, target):
    return Plan((Step("Say", Command(("sh", "-c", "echo one\necho two"))),))


def lines(form, target):
    return Plan((Step("Say", Command(("echo", f"--text={form.lines}\n"))),))


@pytest.mark.parametrize("plan", [raises, no_plan, option, shell, lines])
def test_a_planner_that_raises_or_makes_no_clean_argv_is_found(plan):
    with pytest.raises((KeyError, AssertionError)):
        getattr(suite(actions=actions(plan)), PLANS)()


@frozen
class Silent:
    name: str = field(default="")


@frozen
class Impossible:
    number: int = form_field("Number", 1, minimum=9, maximum=3)
    word: str = form_field("Word", "c", choices=("a", "b"))
    broken: str = form_field("Broken", "", pattern="(")


def page(**more):
    return Panels(views=(View(**{"id": "v", "slot": "page", "title": "V", "kind": "kv", **more}),))


def module(package, file):
    return Panels(modules=(Module("m", "dashboard.cards", "M", package, file),))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"actions": actions(id="Say It")}, "the id must be words in small letters"),
        ({"actions": actions() + actions()}, "there are two of this id"),
        ({"actions": actions(form=Silent)}, "it says neither title nor help"),
        ({"actions": actions(form=Impossible)}, "nothing is at least its minimum"),
        ({"actions": actions(form=Impossible)}, "is none of its choices"),
        ({"actions": actions(form=Impossible)}, "is no regular expression"),
        ({"panels": Panels((NavEntry("x", "X", "/models"),))}, "must begin with /x/made/"),
        ({"panels": Panels((NavEntry("x", "X", "/x/made/y"),))}, "nothing of this plugin is shown at"),
        ({"panels": page(source="/api/x", route="/x/made/v")}, "must be relative"),
        ({"panels": page()}, "a page needs a route"),
        ({"panels": page(slot="dashboard.cards", source="api/plugins/made/v")}, "serves nothing at"),
        ({"panels": page(slot="model.tabs", source="api/x/{modle}")}, r"asks for \{modle\}, but the slot"),
        ({"panels": page(slot="dashboard.cards", only={"model": ("m",)})}, "tells nothing"),
        ({"panels": page(slot="model.tabs", only={"backend": "vllm"})}, "must name a tuple of texts"),
        ({"panels": module("no_such", "static/m.js")}, "there is no package"),
        ({"panels": module("json", "m.js")}, "must lie in a folder"),
    ],
)
def test_what_is_shown_or_offered_wrongly_is_found(wrong, complaint):
    with pytest.raises(AssertionError, match=complaint):
        getattr(suite(**wrong), IN_ORDER)()


def test_a_module_must_export_mount(tmp_path, monkeypatch):
    static = tmp_path / "bad_module_package/static"
    static.mkdir(parents=True)
    (static / "page.js").write_text("console.log('mount')")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = Module("m", "dashboard.cards", "M", "bad_module_package", "static/page.js")
    with pytest.raises(AssertionError, match="does not export a function `mount`"):
        getattr(suite(panels=Panels(modules=(module,))), IN_ORDER)()
    (static / "page.js").write_text("export function mount(el, host) {}")
    getattr(suite(panels=Panels(modules=(module,))), IN_ORDER)()


def test_what_cannot_be_sent_is_found():
    view = View("v", "dashboard.cards", "V", "kv", props={"now": object()})
    with pytest.raises(TypeError):
        suite(panels=Panels(views=(view,))).test_what_it_shows_is_json()
