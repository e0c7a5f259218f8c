"""The page Benchmarks: queue, results, and a module for the charts and comparisons. Data only."""

from __future__ import annotations

from swaplab_core.plugin import Module, NavEntry, Panels, View

ROUTE = "/x/benchy/runs"

PANELS = Panels(
    nav=(NavEntry("benchmarks", "Benchmarks", ROUTE, icon="gauge", section="operate", order=60),),
    views=(
        View(
            "queue",
            "page:benchy",
            "Runs",
            "table",
            source="api/benchy",
            refresh_event="job.updated",
            props={
                "rows": "runs",
                "key": "id",
                "columns": [
                    {"key": "model", "title": "Model", "type": "text"},
                    {"key": "state", "title": "State", "type": "badge"},
                    {"key": "progress.fraction", "title": "Progress", "type": "percent-bar"},
                    {"key": "progress.stage", "title": "Now", "type": "text"},
                    {"key": "startedAt", "title": "Asked", "type": "ago"},
                    {"key": "error", "title": "Error", "type": "text"},
                    {"key": "job", "title": "", "type": "job"},
                ],
                "empty": "No run yet. Start one with the button above, or from a model's menu.",
            },
            order=20,
        ),
    ),
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
