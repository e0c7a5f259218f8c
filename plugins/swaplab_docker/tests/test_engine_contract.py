"""What an engine must do, asked of a real dockerd and of the fake: so the fake cannot lie."""

from __future__ import annotations

import asyncio
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import define

from swaplab_core.domain.errors import Conflict, NodeError, NotThere
from swaplab_core.testing.contracts.scenario import Contract
from swaplab_core.testing.waiting import wait_until_async
from swaplab_docker.adapter import DockerEngine
from swaplab_docker.layers import Layers
from swaplab_docker.testing_engine import FakeEngine, serving
from swaplab_docker.testing_registry import FakeRegistry, running_registry
from swaplab_docker.where import Place

TALKS = "echo hello; echo there; sleep 600"


class World(ABC):
    """An engine under test, and how its surroundings are prepared."""

    engine: DockerEngine

    @abstractmethod
    async def image(self, name: str) -> None:
        """Have an image of this name; each is one of its own."""

    @abstractmethod
    async def running(self, image: str, name: str, **labels: str) -> None:
        """Have a container that prints "hello" and "there" and goes on."""

    @abstractmethod
    def pullable(self, tag: str, *, held: bool = False) -> str:
        """Have an image of two layers in a registry; answers its reference. `held`: it never comes to its end."""

    @abstractmethod
    def was_given_up(self) -> bool:
        """Has the engine given up a pull?"""

    @abstractmethod
    async def listened(self) -> None:
        """Return when somebody follows the events."""


@define
class FakeWorld(World):
    engine: DockerEngine
    fake: FakeEngine

    async def image(self, name):
        self.fake.add_image(name)

    async def running(self, image, name, **labels):
        container = self.fake.run(image, name, labels={key.replace("__", "."): value for key, value in labels.items()})
        container.say("hello")
        container.say("there")

    def pullable(self, tag, *, held=False):
        reference = f"registry.example:5000/tools/two:{tag}"
        self.fake.remote[reference] = [("aaaaaaaaaaaa", 4000), ("bbbbbbbbbbbb", 6000)]
        if held:
            self.fake.gate.clear()
        return reference

    def was_given_up(self):
        return self.fake.left > 0

    async def listened(self):
        await wait_until_async(lambda: self.fake.listeners, "a listener")


@define
class RealWorld(World):
    engine: DockerEngine
    dockerd: object
    registry: FakeRegistry

    async def image(self, name):
        lines = f"FROM shell:1\nLABEL number={uuid4()}\n"  # else a build finds the image of an earlier test
        await asyncio.to_thread(self.dockerd.docker, "build", "--tag", name, "-", stdin=lines.encode())

    async def running(self, image, name, **labels):
        flags = [word for key, value in labels.items() for word in ("--label", f"{key.replace('__', '.')}={value}")]
        words = ("run", "--detach", "--init", "--name", name, "--network", "none", *flags, image, TALKS)
        await asyncio.to_thread(self.dockerd.docker, *words)

    def pullable(self, tag, *, held=False):
        if held:
            self.registry.gate.clear()
        return self.registry.add("tools/two", tag, ({"one": os.urandom(200_000)}, {"two": os.urandom(300_000)}))

    def was_given_up(self):
        return "Not continuing with pull after error: context canceled" in self.dockerd.process.output()

    async def listened(self):
        """The real one cannot be asked; its stream begins with what has happened since it was asked for."""
        await asyncio.sleep(0)


class EngineContract(Contract[World]):
    """Inherit, and implement `world`."""

    def test_it_says_what_it_is(self):
        async def scenario(here):
            info = await here.engine.info()
            assert info.name == "Docker"
            assert info.version
            assert info.root.startswith("/")
            assert "runc" in info.runtimes

        self.run(scenario)

    def test_images_have_names_sizes_and_times(self):
        async def scenario(here):
            await here.image("tools/a:1")
            image = next(i for i in await here.engine.images() if "tools/a:1" in i.references)
            assert image.id.startswith("sha256:")
            assert image.size > 0
            assert image.created > 1_500_000_000
            assert not image.is_dangling

        self.run(scenario)

    def test_an_image_goes_with_its_last_name(self):
        async def scenario(here):
            await here.image("tools/b:1")
            await here.engine.tag("tools/b:1", "tools/b:2")
            assert await here.engine.remove_image("tools/b:1") == ("tools/b:1",)
            assert any("tools/b:2" in image.references for image in await here.engine.images())
            gone = await here.engine.remove_image("tools/b:2")
            assert any(name.startswith("sha256:") for name in gone)
            assert not any("tools/b:2" in image.references for image in await here.engine.images())

        self.run(scenario)

    def test_what_is_not_there_is_told(self):
        async def scenario(here):
            with pytest.raises(NotThere, match="No such image"):
                await here.engine.remove_image("tools/nothing:1")
            with pytest.raises(NotThere, match="No such image"):
                await here.engine.tag("tools/nothing:1", "tools/nothing:2")
            with pytest.raises(NotThere, match="No such container"):
                await here.engine.usage("nothing")

        self.run(scenario)

    def test_an_image_that_runs_is_not_removed(self):
        async def scenario(here):
            await here.image("tools/c:1")
            await here.running("tools/c:1", "user-of-c")
            for force in (False, True):
                image = next(i for i in await here.engine.images() if "tools/c:1" in i.references)
                with pytest.raises(Conflict, match=r"conflict|using"):
                    await here.engine.remove_image(image.id, force=force)
            assert any("tools/c:1" in image.references for image in await here.engine.images())
            await here.engine.stop("user-of-c", 0)

        self.run(scenario)

    def test_dangling_images_are_removed_unless_a_container_uses_them(self):
        async def scenario(here):
            for name in ("tools/d:1", "tools/d:used"):
                await here.image(name)
            await here.running("tools/d:used", "user-of-d")
            for name in ("tools/d:1", "tools/d:used"):
                await here.image("tools/d:other")
                await here.engine.tag("tools/d:other", name)
            dangling = {image.id for image in await here.engine.images() if image.is_dangling}
            assert len(dangling) == 2
            count, _ = await here.engine.remove_dangling()
            assert count >= 1
            left = {image.id for image in await here.engine.images() if image.is_dangling}
            [container] = [one for one in await here.engine.containers() if one.name == "user-of-d"]
            assert left == {container.image_id}
            await here.engine.stop("user-of-d", 0)
            await here.engine.remove_dangling()

        self.run(scenario)

    def test_a_pull_tells_its_layers_and_leaves_the_image(self):
        async def scenario(here):
            reference, layers = here.pullable("1"), Layers()
            lines = [layers.read(event) async for event in here.engine.pull(reference)]
            assert layers.digest.startswith("sha256:")
            assert layers.progress().fraction == 1.0
            assert layers.progress().stage.startswith("2 of 2 layers")
            assert sum("Pull complete" in line for line in lines) == 2
            assert any(reference in image.references for image in await here.engine.images())

        self.run(scenario)

    def test_leaving_a_pull_ends_it(self):
        async def scenario(here):
            reference = here.pullable("held", held=True)
            async with aclosing(here.engine.pull(reference)) as events:
                async for event in events:
                    if event.get("status") == "Downloading":
                        break
            await wait_until_async(here.was_given_up, "the engine to give it up")
            assert not any(reference in image.references for image in await here.engine.images())

        self.run(scenario)

    def test_an_image_that_no_registry_has_cannot_be_pulled(self):
        async def scenario(here):
            reference = here.pullable("1") + "9"
            with pytest.raises(NotThere, match=r"not found|unknown"):
                [event async for event in here.engine.pull(reference)]

        self.run(scenario)

    def test_containers_have_names_images_states_and_labels(self):
        async def scenario(here):
            await here.image("tools/e:1")
            await here.running("tools/e:1", "one-of-e", swaplab__model="qwen")
            [container] = [one for one in await here.engine.containers() if one.name == "one-of-e"]
            assert (container.image, container.state, container.is_up) == ("tools/e:1", "running", True)
            assert container.labels["swaplab.model"] == "qwen"
            assert container.status.startswith("Up")
            await here.engine.stop("one-of-e", 0)
            assert not [one for one in await here.engine.containers() if one.name == "one-of-e"]
            await here.engine.stop("one-of-e", 0)  # gone already: no error

        self.run(scenario)

    def test_a_log_is_followed(self):
        async def scenario(here):
            await here.image("tools/f:1")
            await here.running("tools/f:1", "one-of-f")
            heard = []
            async with aclosing(here.engine.log("one-of-f", tail=100)) as lines:
                async for line in lines:
                    heard.append(line)
                    if len(heard) == 2:
                        break
            assert [line.split(" ", 1)[1] for line in heard] == ["hello", "there"]
            every, stopping = [], []
            async for line in here.engine.log("one-of-f", tail=1):
                every.append(line.split(" ", 1)[1])
                if not stopping:  # not before: of a container that is going, there is no log
                    stopping.append(asyncio.ensure_future(here.engine.stop("one-of-f", 0)))
            assert every == ["there"]
            await asyncio.gather(*stopping)

        self.run(scenario)

    def test_use_is_told(self):
        async def scenario(here):
            await here.image("tools/g:1")
            await here.running("tools/g:1", "one-of-g")
            usage = await here.engine.usage("one-of-g")
            assert usage.memory > 0
            assert usage.memory_limit > usage.memory
            assert usage.processes >= 1
            assert usage.cpu_percent is not None
            await here.engine.stop("one-of-g", 0)

        self.run(scenario)

    def test_what_happens_is_heard(self):
        async def scenario(here):
            await here.image("tools/h:1")
            async with aclosing(here.engine.events()) as events:
                heard = asyncio.ensure_future(anext(events))
                await here.listened()
                number = 0
                while not heard.done():  # a real engine does not say when it begins to tell
                    number += 1
                    await here.engine.tag("tools/h:1", f"tools/h:{number % 3 + 2}")
                    await asyncio.wait([heard], timeout=0.05)
                event = await heard
            assert (event.kind, event.action) == ("image", "tag")

        self.run(scenario)


class TestFake(EngineContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        fake = FakeEngine()
        with tempfile.TemporaryDirectory() as folder:
            async with serving(fake, Path(folder) / "s") as url:
                engine = DockerEngine(Place(url, "the test"))
                try:
                    yield FakeWorld(engine, fake)
                finally:
                    await engine.close()


class TestReal(EngineContract):
    @pytest.fixture(autouse=True)
    def _beside(self, dockerd):
        self.dockerd = dockerd

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        async with AsyncExitStack() as stack:
            registry = await stack.enter_async_context(running_registry())
            engine = DockerEngine(Place(self.dockerd.url, "the test"))
            stack.push_async_callback(engine.close)
            yield RealWorld(engine, self.dockerd, registry)


def test_where_nothing_listens_the_message_says_what_to_do(tmp_path):
    async def scenario():
        engine = DockerEngine(Place(f"unix://{tmp_path}/nothing.sock", "DOCKER_HOST"))
        with pytest.raises(NodeError, match=r"no container engine answers at unix://.*DOCKER_HOST") as caught:
            await engine.images()
        assert "start it" in caught.value.advice
        await engine.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("url", ["nonsense", "ftp://host"])
def test_an_address_that_is_none_is_told(url):
    async def scenario():
        with pytest.raises(NodeError, match=r"no address that can be used.*unix://|is no address"):
            await DockerEngine(Place(url, "plugins.docker.host")).images()

    asyncio.run(scenario())
