"""The routes behind the page Model hub: each answers what one of its views, or one of its forms' fields, shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define

from swaplab_core.plugin import Call, Gateway, Policy, Reply, Route
from swaplab_hub import names, nodes, views
from swaplab_hub.finding import Finding
from swaplab_hub.model_hub import ModelHub
from swaplab_hub.recipes import RecipeMaker
from swaplab_hub.token import token_fact
from swaplab_hub.weights import choices

HUGGING_FACE = "https://huggingface.co"


@define(eq=False)
class ViewRoutes:
    """Shows one hub."""

    hub: Callable[[], ModelHub]

    def all(self) -> list[Route]:
        """Every route; all only look, but for the last step of `find`."""
        shown: tuple[tuple[str, Callable[[Call, Gateway], Awaitable[Reply]]], ...] = (
            ("/view/summary", self.summary),
            ("/view/disk", self.disk),
            ("/view/models", self.models),
            ("/view/revisions", self.revisions),
            ("/view/unfinished", self.unfinished),
            ("/view/cleanup", self.cleanup),
            ("/view/nodes", self.nodes),
            ("/choices", self.choices),
            ("/machines", self.machines),
            ("/backends", self.backends),
        )
        found = [Route(method="GET", path=path, policy=Policy.READ, handler=handler) for path, handler in shown]
        return [*found, Route(method="POST", path="/find", policy=Policy.READ, handler=self.find)]

    async def summary(self, _: Call, __: Gateway) -> Reply:
        """The cache and the hub in a few facts."""
        hub = self.hub()
        place, repos, free = await asyncio.gather(hub.place(), hub.repos(), hub.free())
        environment, settings = hub.environment, hub.settings
        facts = {
            "endpoint": settings.endpoint or environment.get("HF_ENDPOINT") or HUGGING_FACE,
            "offline": environment.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"},
            "token": await asyncio.to_thread(token_fact, environment, hub.home, settings.token_file),
        }
        return Reply.of_json(views.summary(place, repos, free, facts))

    async def disk(self, _: Call, __: Gateway) -> Reply:
        """How full the disk of the cache is."""
        hub = self.hub()
        repos, room = await asyncio.gather(hub.repos(), hub.room())
        return Reply.of_json(views.disk(repos, room))

    async def models(self, _: Call, __: Gateway) -> Reply:
        """The cached models."""
        repos, known = await asyncio.gather(self.hub().models(), self.hub().known())
        return Reply.of_json(views.models(repos, known))

    async def revisions(self, _: Call, __: Gateway) -> Reply:
        """Every revision of every cached model."""
        return Reply.of_json(views.revisions(await self.hub().models()))

    async def unfinished(self, _: Call, __: Gateway) -> Reply:
        """Downloads that did not end."""
        hub = self.hub()
        repos, begun = await asyncio.gather(hub.models(), asyncio.to_thread(hub.unfinished.all))
        return Reply.of_json(views.unfinished(repos, {wanted.repo: wanted for wanted in begun}))

    async def cleanup(self, _: Call, __: Gateway) -> Reply:
        """What could be deleted."""
        repos, known = await asyncio.gather(self.hub().models(), self.hub().known())
        return Reply.of_json(views.cleanup(repos, known, time.time(), self.hub().settings.unused_days))

    async def nodes(self, _: Call, __: Gateway) -> Reply:
        """Models by machines."""
        return Reply.of_json(nodes.matrix(await self.hub().caches()))

    async def choices(self, call: Call, _: Gateway) -> Reply:
        """The weights of `?repo=`, `&revision=` with their sizes; none while the name is not a whole one."""
        repo = call.query.get("repo", "").strip()
        if "/" not in repo.strip("/"):
            return Reply.of_json({"items": []})
        revision = names.check_revision(call.query.get("revision", ""))
        remote = await self.hub().remote(names.check_repo(repo), revision)
        return Reply.of_json({"items": [views.choice(each) for each in choices(remote.files)]})

    async def machines(self, _: Call, __: Gateway) -> Reply:
        """The machines beside this one."""
        return Reply.of_json({"items": [{"id": node.id, "title": node.title} for node in self.hub().machines.all()]})

    async def backends(self, call: Call, gateway: Gateway) -> Reply:
        """The backends that load the cached model `?repo=`."""
        repo = call.query.get("repo", "")
        if not repo:
            return Reply.of_json({"items": []})
        maker = RecipeMaker(self.hub(), gateway)
        offers = await maker.offers(names.folder_of(names.check_repo(repo)))
        return Reply.of_json({"items": [{"id": each.backend, "label": each.backend} for each in offers]})

    async def find(self, call: Call, gateway: Gateway) -> Reply:
        """The steps of finding a model: words, the model, its weights; then the download begins."""
        body: dict[str, Any] = call.json()
        return Reply.of_json(await Finding(self.hub(), gateway).step(body.get("input"), body.get("state")))
