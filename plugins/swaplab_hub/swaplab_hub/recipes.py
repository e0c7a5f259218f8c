"""A recipe and a model entry of a cached model: which backend takes it is asked of the server, which also writes both.

Nothing here knows a backend: each says for which weights it can write a recipe.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from attrs import define, frozen

from swaplab_core.domain.errors import Conflict, InvalidRequest, NotThere
from swaplab_core.plugin import Gateway
from swaplab_hub import names, weights
from swaplab_hub.model_hub import ModelHub
from swaplab_hub.scan import Repo, Revision


@frozen
class Offer:
    """A recipe that a backend would run, and how it is called."""

    backend: str
    folder: str
    kind: str
    text: str
    reference: str


@frozen
class Weights:
    """The weights of a cached model, as an engine would load them."""

    repo: Repo
    revision: Revision
    format: str
    file: str = ""

    @property
    def reference(self) -> str:
        """How the recipe is called."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.repo.folder.lower()).strip("-")
        return f"autogen/{slug}-{self.format}-auto"


def weights_of(repo: Repo) -> Weights:
    """See which weights there are: of two formats the one that the name tells, else the larger. Raises Conflict."""
    revision = repo.newest
    found = repo.formats
    if revision is None or not {weights.GGUF, weights.SAFETENSORS} & set(found):
        raise Conflict(f"{repo.id} has neither GGUF nor safetensors here", advice="download its weights first")
    sizes = {file.path: file.size for file in revision.files}
    kinds = [kind for kind in (weights.GGUF, weights.SAFETENSORS) if any(p.endswith(f".{kind}") for p in sizes)]
    if not kinds:
        raise Conflict(f"{repo.id} has no weights at {revision.commit[:8]}", advice="download them first")
    kind = kinds[0] if len(kinds) == 1 else _likelier(repo, sizes)
    file = weights.first_gguf((path for path in sizes if path.endswith(".gguf")), sizes) if kind == weights.GGUF else ""
    return Weights(repo, revision, kind, file)


def _likelier(repo: Repo, sizes: Mapping[str, int]) -> str:
    name = repo.folder.lower()
    if "gguf" in name:
        return weights.GGUF
    if "safetensor" in name:
        return weights.SAFETENSORS
    return weights.formats([max(sizes, key=lambda path: sizes[path] if path.endswith(_BOTH) else -1)])[0]


_BOTH = (f".{weights.GGUF}", f".{weights.SAFETENSORS}")


@define(eq=False)
class RecipeMaker:
    """Makes recipes, through `gateway` as whoever asks."""

    hub: ModelHub
    gateway: Gateway

    async def offers(self, folder: str) -> list[Offer]:
        """What the backends offer for a cached model, the likeliest first. Raises NotThere and Conflict."""
        found = weights_of(await self.hub.find(folder))
        path = found.repo.path / "snapshots" / found.revision.commit
        wanted = {
            "model": found.repo.id,
            "format": found.format,
            "file": found.file,
            "path": str(path / found.file) if found.file else "",
            "context": await asyncio.to_thread(_context, path / "config.json"),
        }
        answer = await self._post("/api/recipes/offers", wanted)
        return [
            Offer(each["backend"], each["backendDir"], each["backendKind"], each["content"], found.reference)
            for each in answer.get("offers") or ()
        ]

    async def offer(self, folder: str, backend: str) -> Offer:
        """The offer of one backend, or the likeliest. Raises NotThere."""
        offers = await self.offers(folder)
        fitting = [each for each in offers if backend in {"", each.backend, each.folder}]
        if not fitting:
            known = ", ".join(each.backend for each in offers) or "none"
            raise NotThere(f"no backend {backend} loads {names.id_of(folder)}", advice=f"backends that do: {known}")
        return fitting[0]

    async def make(self, folder: str, model: str, backend: str) -> dict[str, Any]:
        """Write the recipe, unless there is one of that name, and the model entry; answers what older clients read."""
        offer = await self.offer(folder, backend)
        repo = names.id_of(folder)
        path, is_new = await self._write(offer)
        entry = {
            "modelId": model, "recipeRef": offer.reference, "name": repo, "useModelName": repo, "mode": "solo",
            "tensorParallel": 1,
        }  # fmt: skip
        await self._post("/api/recipes/models", entry)
        return {
            "cacheDir": folder,
            "modelId": repo,
            "format": weights_of(await self.hub.find(folder)).format,
            "backendDir": offer.folder,
            "backendKind": offer.kind,
            "recipeRef": offer.reference,
            "recipePath": path,
            "modelEntryId": model,
            "createdRecipe": is_new,
            "message": f"{model} runs {repo} with {offer.backend}, by the recipe {offer.reference}",
        }

    async def _write(self, offer: Offer) -> tuple[str, bool]:
        state = await self._ask("GET", "/api/recipes/state", None)
        for recipe in state.get("recipes") or ():
            if recipe.get("ref") == offer.reference or recipe.get("relativePath") == f"{offer.reference}.yaml":
                return str(recipe["path"]), False
        body = {"recipeRef": offer.reference, "content": offer.text}
        return str((await self._post("/api/recipes/source/create", body))["path"]), True

    async def _post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        answer = await self.gateway.request(method, path, json=body)
        said = orjson.loads(await answer.read())
        if answer.status >= 300:
            error = said.get("error")
            raise InvalidRequest(str(error.get("message") if isinstance(error, Mapping) else error))
        return said if isinstance(said, dict) else {}


def _context(config: Path) -> int:
    """How many tokens the model was made for, 0 when its configuration does not say. Reads a small file."""
    try:
        found = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    if not isinstance(found, dict):
        return 0
    inner = found.get("text_config")
    value = found.get("max_position_embeddings") or (inner or {}).get("max_position_embeddings")
    return value if isinstance(value, int) else 0
