"""The page Benchmarks and the tab of a model: one module for both, with all that is shown. Data only."""

from __future__ import annotations

from swaplab_core.plugin import Module, NavEntry, Panels

ROUTE = "/x/benchy/runs"
_PACKAGE, _FILE = "swaplab_benchy", "static/runs.js"
_CSS = ("static/runs.css",)

PANELS = Panels(
    nav=(NavEntry("benchmarks", "Benchmarks", ROUTE, icon="timer", section="operate", order=60),),
    modules=(
        Module("runs", "page", "Benchmarks", _PACKAGE, _FILE, _CSS, ROUTE, order=10),
        Module("model", "model.tabs", "Benchmarks", _PACKAGE, _FILE, _CSS, order=60),
    ),
)
