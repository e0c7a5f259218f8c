"""What the pages ask for to show plugins: the manifest, schemas of forms, files of modules, settings."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import NotThere
from swaplab_core.plugin.forms import form_schema
from swaplab_core.server.api.revisions import entity_tag, if_match, stale_response
from swaplab_core.server.body import parse_object, read_body
from swaplab_core.server.route import Endpoint, get, put
from swaplab_core.server.security.sender import Sender
from swaplab_core.server.ui.manifest import Manifest
from swaplab_core.server.ui.pages import KINDS, NAME, SECURITY
from swaplab_core.services.configuration.editor import StaleText
from swaplab_core.services.configuration.plugin_settings import PluginSettings, SettingsEditor

_FOR_EVER = "public, max-age=31536000, immutable"


@define(eq=False)
class ManifestRoutes:
    """Names of schemas are `<plugin>.<action>` and `<plugin>.settings`."""

    manifest: Manifest
    settings: SettingsEditor
    sender: Sender

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/ui/manifest", Policy.READ, self.document),
            get("/api/ui/texts/{language}", Policy.READ, self.texts),
            get("/api/ui/schemas/{schema}", Policy.READ, self.schema),
            get("/ui/plugins/{plugin}/{digest:[0-9a-f]+}/{file:.+}", Policy.OPEN, self.file),
            get("/api/plugins/{plugin}/settings", Policy.READ, self.read_settings),
            put("/api/plugins/{plugin}/settings", Policy.ADMIN, self.write_settings),
        ]

    async def document(self, request: web.Request) -> web.Response:
        """Everything that plugins show and offer."""
        return cached(request, self.manifest.document())

    async def texts(self, request: web.Request) -> web.Response:
        """What plugins' texts are in a language, by English text: `{texts}`."""
        return cached(request, {"texts": self.manifest.texts(request.match_info["language"])})

    async def schema(self, request: web.Request) -> web.Response:
        """The JSON Schema of one form."""
        plugin, _, name = request.match_info["schema"].rpartition(".")
        if name == "settings":
            return cached(request, self.settings.schema(plugin))
        for offer in self.manifest.actions.all():
            if offer.id == f"{plugin}:{name}":
                return cached(request, form_schema(offer.action.spec.form))
        raise NotThere(f"there is no form {request.match_info['schema']!r}")

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file of a plugin's module."""
        match, name = request.match_info, request.match_info["file"]
        kind = KINDS.get("." + name.rpartition(".")[2])
        path = self.manifest.files.find(match["plugin"], match["digest"], name) if NAME.fullmatch(name) else None
        if kind is None or path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": _FOR_EVER, **SECURITY})

    async def read_settings(self, request: web.Request) -> web.Response:
        """The settings of a plugin as they are written; secrets are only named."""
        return settings_response(await self.settings.read(request.match_info["plugin"]))

    async def write_settings(self, request: web.Request) -> web.Response:
        """Write the settings of a plugin into the configuration file; `If-Match` as in the editor."""
        data = parse_object(await read_body(request))
        try:
            return settings_response(
                await self.settings.write(
                    request.match_info["plugin"], data, author=self.sender.name(request), based_on=if_match(request)
                )
            )
        except StaleText as error:
            return stale_response(error, {"revision": error.current.revision})


def settings_response(settings: PluginSettings) -> web.Response:
    """Values, and the revision to base a change on."""
    body = orjson.dumps({"values": dict(settings.values), "secrets": list(settings.secrets)})
    return web.Response(body=body, content_type="application/json", headers=entity_tag(settings.revision))


def cached(request: web.Request, value: dict[str, Any]) -> web.Response:
    """JSON with an entity tag; 304 when the client has it already."""
    body = orjson.dumps(value)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
