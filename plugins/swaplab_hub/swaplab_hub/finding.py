"""Finding a model in steps: words, one of the models found, which of its weights; the last step begins the download."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import define

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import Gateway
from swaplab_hub import names, views
from swaplab_hub.fetching import size
from swaplab_hub.forms import download_request
from swaplab_hub.model_hub import ModelHub
from swaplab_hub.weights import choices

FORMATS = {"": "any", "safetensors": "safetensors", "gguf": "GGUF"}


@define(eq=False)
class Finding:
    """Answers steps; what was chosen so far comes back with each."""

    hub: ModelHub
    gateway: Gateway

    async def step(self, given: object, state: object) -> dict[str, Any]:
        """The step that follows from what was filled in."""
        if not isinstance(given, Mapping):
            return _begin()
        before = state if isinstance(state, Mapping) else {}
        if "weights" in given:
            return await self._download({**given, "repo": before.get("repo")})
        if "repo" in given:
            return await self._choose_weights(names.check_repo(str(given["repo"])))
        query = str(given.get("query") or "").strip()
        if not query:
            raise InvalidRequest("write some words", advice="the name of a model, or organisation/name")
        return await self._choose_model(query, str(given.get("format") or ""))

    async def _choose_model(self, query: str, kind: str) -> dict[str, Any]:
        found = await self.hub.library.search(query, kind if kind in FORMATS else "", self.hub.settings)
        if not found:
            return _begin(f"Nothing is called like {query}.")
        options = [{"const": each["id"], "title": views.found_label(each)} for each in found]
        field = {"type": "string", "title": "Model", "oneOf": options, "default": found[0]["id"]}
        return {"title": f"{len(found)} models", "form": _form({"repo": field}, ["repo"]), "state": {}}

    async def _choose_weights(self, repo: str) -> dict[str, Any]:
        remote = await self.hub.remote(repo, "")
        found = choices(remote.files)
        options = [{"const": each.id, "title": f"{each.title}, {size(each.bytes)}"} for each in found]
        field = {"type": "string", "title": "Weights", "oneOf": options, "default": found[0].id}
        free = await self.hub.free()
        words = [f"At {remote.commit[:8]}."]
        words += [f"{size(free)} are free."] if free is not None else []
        words += ["It is gated: the download needs your access token."] if remote.gated else []
        form = _form({"weights": field}, ["weights"])
        return {"title": repo, "text": " ".join(words), "form": form, "state": {"repo": repo}}

    async def _download(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Begin it as whoever asks: the action checks what they may."""
        asked = download_request(body)
        wanted = {"input": {"repo": asked.repo, "weights": asked.weights}}
        answer = await self.gateway.request("POST", "/api/actions/hub:download", json=wanted)
        said = orjson.loads(await answer.read())
        if answer.status != 202:
            error = said.get("error")
            return {"abort": str(error.get("message") if isinstance(error, Mapping) else error)}
        return {"job": said["job"]["id"], "done": f"{asked.repo} is being downloaded."}


def _begin(text: str = "") -> dict[str, Any]:
    formats = [{"const": key, "title": title} for key, title in FORMATS.items()]
    fields = {
        "query": {"type": "string", "title": "Words", "description": "as Qwen3 8B, or organisation/name"},
        "format": {"type": "string", "title": "Weights", "oneOf": formats, "default": ""},
    }
    return {"title": "Find a model", "text": text, "form": _form(fields, ["query"]), "state": {}}


def _form(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
