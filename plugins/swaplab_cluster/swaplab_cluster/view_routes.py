"""The routes behind the Cluster page: each answers what one of its views shows."""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define, evolve

from swaplab_cluster import model_cache, node_log, views
from swaplab_cluster.history import CHARTS
from swaplab_cluster.live import METRICS, Live
from swaplab_cluster.node_status import Cluster
from swaplab_cluster.status import in_order
from swaplab_core.domain.errors import NotThere
from swaplab_core.plugin import Call, Command, Gateway, NodeId, Output, Policy, Reply, Route

LOG_SECONDS = 15.0


@define(eq=False)
class ViewRoutes:
    """Shows one cluster."""

    live: Callable[[], Live]

    def all(self) -> tuple[Route, ...]:
        """Every route; all only look."""
        rows = (
            ("/node-ids", self.node_ids),
            ("/view/summary", self.view_summary),
            ("/view/badges", self.view_badges),
            ("/view/setting", self.view_setting),
            ("/view/cards", self.view_cards),
            ("/view/nodes", self.view_nodes),
            ("/view/health", self.view_health),
            ("/view/storage", self.view_storage),
            ("/view/disks", self.view_disks),
            ("/view/cache", self.view_cache),
            ("/view/lines/{name}", self.view_lines),
        )
        looks = (Route(method="GET", path=path, policy=Policy.READ, handler=handler) for path, handler in rows)
        return (*looks, Route(method="GET", path="/nodes/{node}/log", policy=Policy.ADMIN, handler=self.log))

    async def _known(self, sections: frozenset[str]) -> Cluster:
        """What is known, looked up behind the answer when it is old: a page asks again when news comes."""
        live = self.live()
        await live.reload_if_changed()
        collected = await live.collector.get(sections, live.in_force.status_seconds, allow_stale=True)
        return evolve(live.as_value(), nodes=in_order(collected.nodes))

    async def node_ids(self, _: Call, __: Gateway) -> Reply:
        """The nodes and gangs that models can be put on."""
        nodes = [{"id": node.id, "title": node.title} for node in self.live().nodes]
        return Reply.of_json({"items": nodes})

    async def view_summary(self, _: Call, __: Gateway) -> Reply:
        """How all is, in a sentence."""
        return Reply.of_json(views.summary(await self._known(frozenset())))

    async def view_badges(self, _: Call, __: Gateway) -> Reply:
        """Each node in a word."""
        return Reply.of_json(views.badges(await self._known(frozenset())))

    async def view_setting(self, _: Call, __: Gateway) -> Reply:
        """The discovery script and the interfaces."""
        return Reply.of_json(views.setting(await self._known(frozenset())))

    async def view_cards(self, _: Call, __: Gateway) -> Reply:
        """A card for each node."""
        known = await self._known(METRICS)
        return Reply.of_json(views.cards(known, await self.live().operations.models(), self.live().inventory))

    async def view_nodes(self, _: Call, __: Gateway) -> Reply:
        """A row for each node."""
        return Reply.of_json(views.table(await self._known(METRICS)))

    async def view_health(self, _: Call, __: Gateway) -> Reply:
        """Nodes by what was looked at."""
        return Reply.of_json(views.health(await self._known(frozenset({"metrics", "dgx"}))))

    async def view_storage(self, _: Call, __: Gateway) -> Reply:
        """Paths by nodes."""
        return Reply.of_json(views.storage((await self._known(frozenset({"storage"}))).nodes))

    async def view_disks(self, _: Call, __: Gateway) -> Reply:
        """Disks that come over the network, by nodes."""
        return Reply.of_json(views.disks(await self._known(METRICS)))

    async def view_cache(self, call: Call, _: Gateway) -> Reply:
        """Cached models by nodes."""
        return Reply.of_json(
            model_cache.matrix(await self.live().operations.caches(call.query.get("folder", model_cache.FOLDER)))
        )

    async def log(self, call: Call, _: Gateway) -> Reply:
        """The system log of a node, its newest entries and those that come, as events."""
        live = self.live()
        node = NodeId(live.node(call.match["node"]).id)

        async def look(argv: tuple[str, ...]) -> Output:
            return await live.lab.run(Command(argv), node, timeout_seconds=LOG_SECONDS)

        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        return Reply(200, headers, node_log.follow(look, node, time.time))

    async def view_lines(self, call: Call, _: Gateway) -> Reply:
        """One chart over time."""
        name = call.match["name"]
        if name not in CHARTS:
            raise NotThere(f"there is no chart {name!r}", advice=f"one of: {', '.join(CHARTS)}")
        collector = self.live().collector
        return Reply.of_json(views.lines(collector.history, [one.node.id for one in collector.nodes], name))
