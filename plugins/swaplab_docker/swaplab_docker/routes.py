"""The HTTP routes: what the pages show, and the fork's `/api/images/docker`. Values in, JSON out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import orjson
from attrs import define, field

from swaplab_core.domain.errors import Conflict, InvalidRequest, NodeError, SwaplabError
from swaplab_core.plugin import LOCAL, Call, Gateway, Job, JobState, Node, Plan, Policy, Reply, Route
from swaplab_docker import shapes, views
from swaplab_docker.actions import Actions, check
from swaplab_docker.facts import Usage
from swaplab_docker.fleet import Fleet
from swaplab_docker.image_users import Named
from swaplab_docker.live import Live
from swaplab_docker.nodes import node_of
from swaplab_docker.ownership import Owned, owned
from swaplab_docker.remote_tags import RemoteTags
from swaplab_docker.settings import NAME

LOG_LINES = 1000
FIRST_USE_SECONDS = 4.0

Handler = Callable[[Call, Gateway], Awaitable[Reply]]


def _is_set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@define(eq=False)
class Routes:
    """Answers from what is known, and does what is asked."""

    live: Live
    actions: Actions
    remote: RemoteTags
    fleet: Fleet
    _measured: asyncio.Event = field(factory=_is_set, init=False)

    def all(self) -> tuple[Route, ...]:
        """Every route, with who may call it."""
        rows: tuple[tuple[str, str, Policy, Handler, str | None], ...] = (
            ("GET", "/images", Policy.READ, _compatible(self.listing), "/api/images/docker"),
            ("POST", "/images/update", Policy.ADMIN, _compatible(self.update), "/api/images/docker/update"),
            ("POST", "/images/delete", Policy.ADMIN, _compatible(self.delete), "/api/images/docker/delete"),
            ("GET", "/containers", Policy.READ, self.containers, None),
            ("GET", "/containers/{container}/log/stream", Policy.ADMIN, self.log, None),
            ("GET", "/choices", Policy.READ, self.choices, None),
            ("GET", "/view/engine", Policy.READ, self.engine_hint, None),
            ("GET", "/view/images", Policy.READ, self.images_table, None),
            ("GET", "/view/backends", Policy.READ, self.backends_table, None),
            ("GET", "/view/tags", Policy.READ, self.tags_table, None),
            ("GET", "/view/containers", Policy.READ, self.containers_table, None),
            ("GET", "/view/container/{container}", Policy.READ, self.container_facts, None),
        )
        return tuple(
            Route(method=method, path=path, policy=policy, handler=handler, public_path=public)
            for method, path, policy, handler, public in rows
        )

    # as older clients know it

    async def listing(self, call: Call, _: Gateway) -> Reply:
        """The images of this machine, and of every node."""
        force = call.query.get("force", "").lower() in {"1", "true", "yes", "on"}
        nodes = await self.fleet.listing(force=force)
        if all(one.error for one in nodes):
            raise NodeError(nodes[0].error)
        return Reply.of_json(shapes.listing(nodes))

    async def update(self, call: Call, _: Gateway) -> Reply:
        """Pull `{nodeIp, reference}` and wait; `"wait": false` answers with the job at once."""
        body = _body(call)
        reference = str(body.get("reference") or "").strip()
        if not reference or "<none>" in reference:
            raise InvalidRequest("reference is required, and must not be <none>")
        node = self._node(body)
        return await self._done("update", node, self.actions.pull_plan(check(reference), node.id), reference, body)

    async def delete(self, call: Call, _: Gateway) -> Reply:
        """Remove `{nodeIp, id}` or `{nodeIp, reference}` and wait; `force` also where models or recipes name it."""
        body = _body(call)
        target = str(body.get("id") or body.get("reference") or "").strip()
        if not target or target.startswith("-"):
            raise InvalidRequest("id or reference is required")
        node, force = self._node(body), body.get("force") is True
        if node.id == LOCAL:
            await self.live.look()  # without an engine that is the answer, whatever else is wrong
        if node.id == LOCAL and not force:
            await self._refuse_used(target)
        plan = await self.actions.remove_plan(target, node.id, force=force or target == str(body.get("id") or ""))
        return await self._done("delete", node, plan, target, body)

    async def _refuse_used(self, target: str) -> None:
        image = await self.actions.image(target)
        users = await self.actions.users(image, target)
        if users:
            raise Conflict(
                f"{target} is used by {views.used(users)}", advice='to remove it all the same: "force": true'
            )

    async def _done(self, action: str, node: Node, plan: Plan, target: str, body: Mapping[str, Any]) -> Reply:
        """Run it as a job, so that it goes on and is remembered even when its caller leaves."""
        lab = self.live.lab
        job = lab.submit(plan, kind=f"{NAME}:{action}", title=f"{action.title()} {target}", target=target)
        known = {"action": action, "nodeIp": node.address, "isLocal": node.id == LOCAL, "job": job.id}
        if body.get("wait") is False:
            return Reply.of_json(known, 202)
        job = await lab.wait(job.id)
        shown = plan.steps[0]
        command = " ".join(shown.command.argv) if shown.command else shown.shown_as
        output = await lab.job_log(job.id)
        known |= {"command": command, "output": output, "durationMs": _milliseconds(job)}
        if job.state is not JobState.SUCCEEDED:
            return Reply.of_json({"error": job.error or f"it was {job.state.value}", **known}, 502)
        return Reply.of_json({**known, "message": f"{target}: {action} succeeded"})

    def _node(self, body: Mapping[str, Any]) -> Node:
        return node_of(str(body.get("nodeIp") or ""), self.live.lab.nodes(), self.live.local_addresses())

    # containers

    async def containers(self, _: Call, __: Gateway) -> Reply:
        """Every container of this machine, with whose it is and what it uses."""
        owners, usage = await self._owners(), await self._usage()
        return Reply.of_json(
            {"containers": [shapes.container_shape(one, usage.get(one.container.id)) for one in owners]}
        )

    async def log(self, call: Call, _: Gateway) -> Reply:
        """The log of a container, its last lines and those that come, as events."""
        container = await self.actions.container(call.match["container"])
        headers = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return Reply(200, headers, self._lines(container.id, container.name))

    async def _lines(self, container: str, name: str) -> AsyncIterator[bytes]:
        engine = await self.live.engine()
        yield b": the log begins\n\n"
        number = 0
        async with aclosing(engine.log(container, tail=LOG_LINES)) as lines:
            async for line in lines:
                number += 1
                yield _event(number, name, line)
        yield b"event: end\ndata: {}\n\n"

    async def _owners(self) -> list[Owned]:
        known, models = await asyncio.gather(self.live.look(), self.live.models())
        up = {model: state != "stopped" for model, state in models.items()}
        return [owned(container, self.live.lab.instance, up) for container in known.containers]

    async def _usage(self, *, wait: bool = True) -> Mapping[str, Usage]:
        """What is known of their use; it is measured meanwhile, and with `wait` waited for when nothing is known."""
        if self._measured.is_set():
            self._measured.clear()
            self.live.lab.spawn(self._measure, name="use of containers")
        if wait and not self.live.usage:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._measured.wait(), FIRST_USE_SECONDS)
        return self.live.usage

    async def _measure(self) -> None:
        try:
            await self.live.measure()
        except SwaplabError:
            self.live.usage = {}
        finally:
            self._measured.set()

    # the pages

    async def engine_hint(self, _: Call, __: Gateway) -> Reply:
        """What the engine is, or what to do without one."""
        try:
            known = await self.live.look()
            engine = await self.live.engine()
            info = await engine.info()
        except SwaplabError as error:
            return Reply.of_json(views.engine_hint(None, str(error), (), ""))
        return Reply.of_json(views.engine_hint(info, "", known.images, engine.place.url))

    async def images_table(self, _: Call, __: Gateway) -> Reply:
        """The images of all machines, with who uses them."""
        nodes, named = await asyncio.gather(self.fleet.listing(), self._named())
        return Reply.of_json(views.images_table(nodes, named, self.live.known.containers))

    async def _named(self) -> Named:
        return await self.live.users()

    async def backends_table(self, _: Call, __: Gateway) -> Reply:
        """The image of each backend."""
        return Reply.of_json(views.backends_table(await self.live.backends(), self.remote.tags()))

    async def tags_table(self, _: Call, __: Gateway) -> Reply:
        """The tags that registries have, as far as they were asked."""
        return Reply.of_json(views.tags_table(self.remote.tags(), self.live.known_images().local or ()))

    async def containers_table(self, _: Call, __: Gateway) -> Reply:
        """The containers of this machine; none while there is no engine, which the page says above."""
        try:
            owners, usage = await self._owners(), await self._usage(wait=False)
        except SwaplabError:
            return Reply.of_json({"items": []})
        return Reply.of_json(views.containers_table(owners, usage))

    async def container_facts(self, call: Call, _: Gateway) -> Reply:
        """One container."""
        container = await self.actions.container(call.match["container"])
        one = next(one for one in await self._owners() if one.container.id == container.id)
        return Reply.of_json(views.container_facts(one, (await self._usage()).get(container.id)))

    async def choices(self, _: Call, __: Gateway) -> Reply:
        """Images to choose from, in forms."""
        names = self.live.known_images().local or ()
        return Reply.of_json(views.choices(names, await self.live.backends(), self.remote.tags()))


def _compatible(handler: Handler) -> Handler:
    """Tell errors as older clients read them: a text in `error`, and 400, 409 or 502."""

    async def handle(call: Call, gateway: Gateway) -> Reply:
        try:
            return await handler(call, gateway)
        except Conflict as error:
            return _error(error, 409)
        except NodeError as error:
            return _error(error, 502)
        except SwaplabError as error:
            return _error(error, 400)

    handle.__doc__ = handler.__doc__
    return handle


def _error(error: SwaplabError, status: int) -> Reply:
    body = {"error": str(error), "code": error.code, "status": status, "detail": error.message, "advice": error.advice}
    return Reply.of_json(body, status)


def _body(call: Call) -> dict[str, Any]:
    try:
        return call.json()
    except InvalidRequest as error:
        raise InvalidRequest(f"invalid request body: {error.message}") from None


def _event(number: int, source: str, line: str) -> bytes:
    """A line record, as the pages' logs read them; the engine writes the moment in front of each line."""
    stamp, _, text = line.partition(" ")
    record = {"seq": number, "ts": shapes.moment(stamp), "source": source, "text": text.rstrip("\r")}
    return b"event: line\nid: %d\ndata: %b\n\n" % (number, orjson.dumps(record))


def _milliseconds(job: Job) -> int:
    return int(((job.ended or job.created) - (job.started or job.created)) * 1000)
