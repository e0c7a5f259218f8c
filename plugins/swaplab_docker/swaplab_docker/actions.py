"""What people can do with images and containers: each a plan that is shown before it runs, and a job when it does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from attrs import define

from swaplab_core.domain.errors import Conflict, InvalidRequest, NodeError, NotThere
from swaplab_core.domain.image import is_image, repository_of, with_tag
from swaplab_core.plugin import LOCAL, Action, NodeId, NoInput, Plan, Step, Work
from swaplab_core.plugin.actions import Planner
from swaplab_docker import nodes, tags
from swaplab_docker.facts import Container, Image
from swaplab_docker.fleet import Fleet
from swaplab_docker.image_users import User, containers_of
from swaplab_docker.layers import Layers, size
from swaplab_docker.live import Known, Live
from swaplab_docker.offers import OFFERS, ChooseForm, NodeForm, PullForm, RemoveForm, TagForm
from swaplab_docker.ownership import Owner, owned
from swaplab_docker.remote_tags import RemoteTags

PULL_SECONDS, REMOVE_SECONDS, ASK_SECONDS, SHORT_SECONDS = 3600.0, 120.0, 300.0, 60.0
LOOK_AGAIN = "look at the list again"

_ID = re.compile(r"(?:sha256:)?[0-9a-f]{6,64}")

Does = Callable[[Work], Awaitable[Mapping[str, Any] | None]]


@define(eq=False)
class Actions:
    """Plans; what they do is done by the engine."""

    live: Live
    remote: RemoteTags
    fleet: Fleet

    def all(self) -> Iterable[Action]:
        """Every action, with who plans it."""
        planners: Mapping[str, Planner] = {
            "pull": self.pull,
            "update": self.update,
            "tag": self.tag,
            "remove": self.remove,
            "prune": self.prune,
            "tags": self.ask_registries,
            "choose": self.choose,
            "stop": self.stop,
            "clear": self.clear,
        }
        return [Action(spec, planners[spec.id]) for spec in OFFERS]

    # images

    async def pull(self, form: PullForm, _: str) -> Plan:
        """Get an image, here or on another machine."""
        return self.pull_plan(check(form.image), self._node(form.node))

    async def update(self, form: NodeForm, target: str) -> Plan:
        """Get what a name stands for now."""
        if "@" in target:
            raise Conflict(f"{target} is always the same image", advice="pull a tag instead")
        return self.pull_plan(check(target), self._node(form.node))

    def pull_plan(self, image: str, node: NodeId) -> Plan:
        """The plan of a pull. Raises InvalidRequest."""
        reference = with_tag(check(image))
        if node != LOCAL:
            step = Step(f"pull {reference}", nodes.pull(reference), node=node, timeout_seconds=PULL_SECONDS)
            return Plan((step, self._forget(node)), frozenset({f"image:{node}:{reference}"}))

        async def work(work: Work) -> Mapping[str, Any]:
            return await pulled(self.live, reference, work)

        return _plan(
            f"pull {reference}",
            work,
            shown=f"docker pull {reference}",
            seconds=PULL_SECONDS,
            lock=f"image::{reference}",
        )

    async def tag(self, form: TagForm, target: str) -> Plan:
        """Give an image one more name."""
        reference = with_tag(check(form.reference))
        if "@" in reference:
            raise InvalidRequest(f"{reference!r} holds a digest", advice="write [registry/]name:tag")
        image = await self.image(target)

        async def work(work: Work) -> Mapping[str, Any]:
            engine = await self.live.engine()
            await engine.tag(image.id, reference)
            work.log(f"{reference} is {image.short_id}")
            await self.live.look()
            return {"reference": reference, "id": image.id}

        shown = f"docker tag {target} {reference}"
        return _plan(f"tag {target} as {reference}", work, shown=shown, lock=f"image::{reference}")

    async def remove(self, form: RemoveForm, target: str) -> Plan:
        """Remove an image; the warnings say who will miss it."""
        return await self.remove_plan(target, self._node(form.node), force=form.force)

    async def remove_plan(self, target: str, node: NodeId, *, force: bool) -> Plan:
        """The plan of a removal. Raises Conflict while something runs from it, and NotThere."""
        if node != LOCAL:
            return self._remove_there(target, node, force=force)
        image = await self.image(target)
        goes = force or len(image.references) <= 1 or target == image.id
        users = containers_of(image, self.live.known.containers)
        running = [user for user in users if user.is_up]
        if goes and running:
            names = ", ".join(map(str, running))
            raise Conflict(f"{target} is in use: {names}", advice="stop them first")
        warnings = [f"{user} has ended and is removed with it" for user in users if goes and force]
        warnings += [f"{user} uses it" for user in await self.users(image, target)]

        async def work(work: Work) -> Mapping[str, Any]:
            engine = await self.live.engine()
            gone = await engine.remove_image(target if not force else image.id, force=force)
            for name in gone:
                work.log(f"gone: {name}")
            await self.live.look()
            return {"gone": list(gone)}

        shown = f"docker rmi {'-f ' if force else ''}{target}"
        return _plan(
            f"remove {target}",
            work,
            shown=shown,
            seconds=REMOVE_SECONDS,
            lock=f"image::{target}",
            warnings=warnings,
        )

    def _remove_there(self, target: str, node: NodeId, *, force: bool) -> Plan:
        """On another machine its engine alone knows what runs, and refuses."""
        if not (is_image(target) or _ID.fullmatch(target)):
            raise InvalidRequest(f"{target!r} is no image", advice="write a name or an id")
        step = Step(f"remove {target}", nodes.remove(target, force=force), node=node, timeout_seconds=REMOVE_SECONDS)
        warnings = (f"who uses it on {node} is known there only",)
        return Plan((step, self._forget(node)), frozenset({f"image:{node}:{target}"}), warnings)

    def _forget(self, node: NodeId) -> Step:
        async def work(_: Work) -> None:
            self.fleet.forget(node)

        return Step("look at the images again", work=work, timeout_seconds=10.0, optional=True)

    async def prune(self, _: NoInput, __: str) -> Plan:
        """Remove images that have lost their names."""
        known = await self.known()
        dangling = [image for image in known.images if image.is_dangling]

        async def work(work: Work) -> Mapping[str, Any]:
            engine = await self.live.engine()
            count, won = await engine.remove_dangling()
            work.log(f"{count} images and layers are gone, {size(won)} won")
            await self.live.look()
            return {"removed": count, "bytes": won}

        told = [f"{image.short_id}, {size(image.size)}" for image in dangling] or ["there are none"]
        return _plan(
            "remove dangling images",
            work,
            shown="docker image prune --force",
            seconds=REMOVE_SECONDS,
            lock="images",
            warnings=told,
        )

    async def ask_registries(self, _: NoInput, target: str) -> Plan:
        """Ask the registries of the backends' images which tags there are."""
        backends = [one for one in await self.live.backends() if target in {"", one.get("id")}]
        repositories = repositories_of(backends)
        if not repositories:
            raise NotThere("no backend names an image that has a registry")

        async def work(work: Work) -> Mapping[str, Any]:
            failed = 0
            for repository in repositories:
                try:
                    found = await self.remote.ask(repository)
                except (NodeError, NotThere) as error:
                    failed += 1
                    work.log(str(error))
                    continue
                stable = next((tag for tag in tags.newest_first(found) if tags.channel(tag) == "stable"), "none")
                work.log(f"{repository}: {len(found)} tags, the newest release is {stable}")
            if failed == len(repositories):
                raise NodeError("no registry could be asked", advice="the log says why")
            return {"asked": len(repositories) - failed}

        told = [f"asks for the tags of {repository}" for repository in repositories]
        return _plan("ask the registries", work, seconds=ASK_SECONDS, lock="registries", warnings=told)

    async def choose(self, form: ChooseForm, target: str) -> Plan:
        """Let a backend use another image; it is the core that keeps the choice."""
        image = check(form.image) if form.image else ""
        if target not in {one.get("id") for one in await self.live.backends()}:
            raise NotThere(f"there is no backend {target!r}", advice="see the page Backends")

        async def work(work: Work) -> Mapping[str, Any]:
            path = f"/api/recipes/backends/{target}/image"
            answer = await self.live.lab.gateway.request("PUT", path, json={"image": image})
            said = (await answer.read()).decode(errors="replace")
            if answer.status != 200:
                raise NodeError(f"the choice was not kept: {said[:300]}")
            work.log(f"{target} uses {image or 'its own default'}")
            return {"image": image}

        return _plan(f"choose {image or 'the default'} for {target}", work, lock=f"backend:{target}")

    # containers

    async def stop(self, _: NoInput, target: str) -> Plan:
        """Stop a container that is ours and that nobody uses. Raises Conflict for any other."""
        container = await self.container(target)
        up = {model: state != "stopped" for model, state in (await self.live.models()).items()}
        one = owned(container, self.live.lab.instance, up)
        if one.owner is not Owner.OURS:
            raise Conflict(
                f"{container.name} is not ours: {one.told()} has started it", advice="stop it where it is from"
            )
        if one.is_used:
            raise Conflict(
                f"{container.name} is used by {one.model}", advice=f"unload {one.model}, and it goes by itself"
            )

        async def work(work: Work) -> Mapping[str, Any]:
            await (await self.live.engine()).stop(container.id, self.live.settings.stop_seconds)
            work.log(f"{container.name} is gone")
            await self.live.look()
            return {"container": container.id}

        shown = f"docker rm -f {container.name}"
        return _plan(
            f"stop {container.name}", work, shown=shown, seconds=REMOVE_SECONDS, lock=f"container:{container.id}"
        )

    async def clear(self, _: NoInput, __: str) -> Plan:
        """Stop everything that was left behind."""
        known = await self.known()
        up = {model: state != "stopped" for model, state in (await self.live.models()).items()}
        left = [one for each in known.containers if (one := owned(each, self.live.lab.instance, up)).is_leftover]

        async def work(work: Work) -> Mapping[str, Any]:
            engine = await self.live.engine()
            await asyncio.gather(*(engine.stop(one.container.id, self.live.settings.stop_seconds) for one in left))
            for one in left:
                work.log(f"{one.container.name} is gone")
            await self.live.look()
            return {"stopped": [one.container.name for one in left]}

        told = [f"{one.container.name}: {one.told()}" for one in left] or ["nothing was left behind"]
        return _plan("stop what was left behind", work, seconds=REMOVE_SECONDS, lock="containers", warnings=told)

    # finding

    async def known(self) -> Known:
        """What the engine has. Raises Conflict while there is none: nothing can be planned then."""
        try:
            return await self.live.look()
        except NodeError as error:
            raise Conflict(error.message, advice=error.advice) from None

    async def image(self, target: str) -> Image:
        """The image of a name or an id. Raises NotThere and Conflict."""
        known = await self.known()
        wanted = with_tag(target) if is_image(target) else target
        for image in known.images:
            if wanted in image.references or target in {*image.digests, image.id, image.short_id}:
                return image
        raise NotThere(f"there is no image {target!r}", advice=LOOK_AGAIN)

    async def container(self, target: str) -> Container:
        """The container of a name or an id. Raises NotThere and Conflict."""
        for container in (await self.known()).containers:
            if target and target in {container.id, container.short_id, container.name}:
                return container
        raise NotThere(f"there is no container {target!r}", advice=LOOK_AGAIN)

    async def users(self, image: Image, target: str) -> tuple[User, ...]:
        """Who names an image by the name that is to go, or by any when all go."""
        named = await self.live.users()
        if target in image.references and len(image.references) > 1:
            return named.users.get(target, ())
        return named.of(image)

    def _node(self, written: str) -> NodeId:
        return nodes.node_of(written, self.live.lab.nodes(), self.live.local_addresses()).id


async def pulled(live: Live, reference: str, work: Work) -> Mapping[str, Any]:
    """Pull here, telling each layer."""
    engine, layers = await live.engine(), Layers()
    work.log(f"pulling {reference}")
    async with aclosing(engine.pull(reference)) as events:
        async for event in events:
            if line := layers.read(event):
                work.log(line)
            if (progress := layers.progress()) is not None:
                work.progress(progress)
    await live.look()
    return {"reference": reference, "digest": layers.digest, "outcome": layers.outcome}


def check(image: str) -> str:
    """An image's name. Raises InvalidRequest."""
    if not is_image(image.strip()):
        raise InvalidRequest(f"{image!r} is no image reference", advice="write [registry/]name[:tag]")
    return image.strip()


def repositories_of(backends: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The repositories of the images that backends know and that a registry has: those whose name has a slash."""
    images = [str(name) for one in backends for name in _available(one)]
    return tuple(dict.fromkeys(repository_of(name) for name in images if "/" in name))


def _available(backend: Mapping[str, Any]) -> Iterable[object]:
    image = backend.get("image")
    return (
        (image.get("selected"), image.get("default"), *image.get("available", ())) if isinstance(image, Mapping) else ()
    )


def _plan(
    title: str, work: Does, *, lock: str, shown: str = "", seconds: float = SHORT_SECONDS, warnings: Iterable[str] = ()
) -> Plan:
    step = Step(title, work=work, timeout_seconds=seconds, shown_as=shown)
    return Plan((step,), frozenset({lock}), tuple(warnings))
