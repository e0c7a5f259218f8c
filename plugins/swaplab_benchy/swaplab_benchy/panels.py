"""The page Benchmarks: a module that shows runs, results, charts and comparisons. Data only."""

from __future__ import annotations

from swaplab_core.plugin import Module, NavEntry, Panels

ROUTE = "/x/benchy/runs"

PANELS = Panels(
    nav=(NavEntry("benchmarks", "Benchmarks", ROUTE, icon="gauge", section="operate", order=60),),
    modules=(
        Module(
            "runs",
            "page",
            "Benchmarks",
            package="swaplab_benchy",
            file="static/runs.js",
            css=("static/runs.css",),
            route=ROUTE,
            order=10,
        ),
    ),
)
