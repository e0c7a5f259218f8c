"""The core's own pages, as a plugin of hooks: they go through the same manifest as everybody's."""

from __future__ import annotations

from swaplab_core.plugin import NavEntry, Panels, hookimpl

PAGES = Panels(
    nav=(
        NavEntry("overview", "Overview", "/", "layout-dashboard", "use", 10),
        NavEntry("playground", "Playground", "/playground", "messages-square", "use", 20),
        NavEntry("models", "Models", "/models", "boxes", "use", 30),
        NavEntry("connect", "Connect an app", "/connect", "cable", "use", 40),
        NavEntry("activity", "Activity", "/activity", "history", "operate", 10),
        NavEntry("timeline", "Swap timeline", "/timeline", "chart-gantt", "operate", 20),
        NavEntry("logs", "Logs", "/logs", "scroll-text", "operate", 20),
        NavEntry("jobs", "Jobs", "/jobs", "list-checks", "operate", 30, "jobs", {"state": "running"}),
        NavEntry("performance", "Performance", "/performance", "gauge", "operate", 40),
        NavEntry("config", "Configuration", "/config", "file-pen-line", "manage", 10),
        NavEntry("plugins", "Plugins", "/plugins", "puzzle", "manage", 80),
        NavEntry("settings", "Settings", "/settings", "settings", "manage", 90),
    )
)


@hookimpl
def swaplab_panels() -> list[Panels]:
    """The entries of the side bar."""
    return [PAGES]
