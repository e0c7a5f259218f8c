"""The pages at /ui/: files that the build has made, or a plain page where it has not. Nothing here knows a page.

The build gives every file a name with its content's hash, but for the few that must be found by their name; so the
former are kept by browsers for ever and the latter are asked for each time. `.br` and `.gz` lie beside each text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from attrs import define, field

from swaplab_core.domain.access import Policy
from swaplab_core.server.route import Endpoint, get
from swaplab_core.server.ui import plain_page
from swaplab_core.services.models.lifecycle import Models

BUILT = Path(__file__).resolve().parents[2] / "ui_dist"
"""Where the build puts the pages."""
INDEX = "index.html"
ICON = "icon.svg"

NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""Names that the build makes; none begins with a dot, so none leads out of the folder."""
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self'; frame-src 'self'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""On every file: what pages may load (ours, no inline script, no eval), and what they tell others (nothing)."""
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"


@define(eq=False)
class UiRoutes:
    """Everything below /ui, and the way there. Built pages hold no secrets.

    The plain page shows the models, so it `demand`s that its reader may read.
    """

    models: Models
    demand: Callable[[web.Request, Policy], None]
    folder: Path = BUILT
    is_built: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Look once: pages that are built later are served after a restart."""
        self.is_built = (self.folder / INDEX).is_file()

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/", Policy.OPEN, self.to_page),
            get("/ui", Policy.OPEN, self.to_page),
            get("/ui/", Policy.OPEN, self.page),
            get("/ui/{file:.+}", Policy.OPEN, self.file),
            get("/favicon.ico", Policy.OPEN, self.icon),
        ]

    async def to_page(self, _: web.Request) -> web.Response:
        """Where a browser wants to go; relative, for a proxy may have put a prefix before our paths."""
        return web.Response(status=302, headers={"Location": "ui/"})

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The page."""
        if self.is_built:
            return self._file(INDEX)
        self.demand(request, Policy.READ)
        html = plain_page.render(list(self.models.states()), f"{request.scheme}://{request.host}")
        return web.Response(text=html, content_type="text/html", headers=plain_page.HEADERS)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A script, style sheet or picture of the pages."""
        return self._file(request.match_info["file"])

    async def icon(self, _: web.Request) -> web.StreamResponse:
        """What browsers ask for that look at an answer which is no page."""
        return self._file(ICON)

    def _file(self, name: str) -> web.FileResponse:
        path = self.folder / name
        kind = KINDS.get(path.suffix)
        if kind is None or not NAME.fullmatch(name) or not path.is_file():
            raise web.HTTPNotFound
        caching = _FOR_EVER if name.startswith("assets/") else _ASK_FIRST
        return web.FileResponse(
            path, headers={"Content-Type": kind, "Cache-Control": caching, "Vary": "Accept-Encoding", **SECURITY}
        )
