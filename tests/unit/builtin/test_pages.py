"""The core's pages in the manifest are those that the pages themselves have."""

from __future__ import annotations

import re
from pathlib import Path

from swaplab_core.builtin.pages import PAGES, swaplab_panels
from swaplab_core.plugin.pages import KINDS, SECTIONS

UI = Path(__file__).resolve().parents[3] / "ui/src"


def test_each_entry_of_the_side_bar_is_a_page_and_the_other_way_round():
    pages = {}
    for file in UI.glob("pages/*/page.ts"):
        text = file.read_text()
        section = re.search(r"section: '(\w+)'", text)
        if section:
            pages[re.search(r"routes: \['([^']+)'", text)[1]] = section[1]
    assert {entry.route: entry.section for entry in PAGES.nav} == pages
    assert {entry.section for entry in PAGES.nav} <= set(SECTIONS)
    assert swaplab_panels() == [PAGES]


def test_the_kinds_of_views_are_those_that_the_pages_can_show():
    shown = (UI / "lib/slots/kinds.ts").read_text()
    assert set(re.findall(r"^  (\w+): \{ load:", shown, re.MULTILINE)) == set(KINDS)
