"""The icons that plugins may name are those that the pages have; another one is told while the plugin is written."""

from __future__ import annotations

import re

from repository import ROOT

from swaplab_core.plugin import Action, ActionSpec, NavEntry, NoInput, Panels, Plan
from swaplab_core.plugin.lint import lint
from swaplab_core.plugin.pages import ICONS


def test_the_pages_know_the_icons_that_plugins_may_name():
    table = (ROOT / "ui/src/lib/ui/icons.ts").read_text().partition("const NAMED")[2].partition("};")[0]
    assert set(re.findall(r"^  '?([a-z0-9-]+)'?: \w+,$", table, re.MULTILINE)) == ICONS


def test_an_unknown_icon_is_a_hint():
    nav = (NavEntry("a", "A", "/x/mine/a", icon="hard-drive"), NavEntry("b", "B", "/x/mine/b", icon="folder"))
    actions = [Action(ActionSpec("say", "Say", NoInput, icon="brush"), lambda _form, _target: Plan(()))]
    found = [each for each in lint("mine", actions=actions, panels=[Panels(nav=nav)]) if not each.is_error]
    assert [str(complaint) for complaint in found] == [
        "action 'say': there is no icon 'brush'; it will be a puzzle piece",
        "entry 'b' of the side bar: there is no icon 'folder'; it will be a puzzle piece",
    ]
