"""Images and containers through a whole daemon: its API, its jobs and its events, against the fake engine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from attrs import define
from running_lab import RunningLab, running_lab

from swaplab_core.domain.events import PluginNews
from swaplab_core.domain.job import JobState
from swaplab_core.testing.waiting import wait_until_async
from swaplab_docker.plugin import DockerPlugin
from swaplab_docker.testing_engine import FakeEngine, serving
from swaplab_docker.testing_registry import FakeRegistry, running_registry

CONFIG = """\
models:
  chat:
    cmd: docker run --rm --init --name chat-box used/engine:1 --port ${{PORT}}
  sleeper: {{cmd: sleep 600, proxy: "http://127.0.0.1:9", checkEndpoint: none}}
recipes: {{backends: ["{folder}/spark-vllm-docker"]}}
plugins: {{docker: {{host: "unix://{folder}/s", stopSeconds: 0, stopLeftovers: {stops}}}}}
"""
RECIPE = """\
recipe_version: "1"
name: Small
model: org/small
container: {image}
command: vllm serve org/small --port {{port}}
"""


@define
class World:
    """A daemon, its engine, a registry."""

    running: RunningLab
    engine: FakeEngine
    registry: FakeRegistry

    @property
    def instance(self):
        return self.running.lab.parts.view.instance

    def ours(self, name, model="chat"):
        """A container that this daemon has started."""
        labels = {"swaplab.managed": "1", "swaplab.model": model, "swaplab.instance": self.instance}
        return self.engine.run("used/engine:1", name, labels=labels)

    async def act(self, action, target="", **form):
        """Run an action, and answer its job when it is over."""
        made = await self.running.post(f"/api/actions/docker:{action}", {"input": form, "target": target})
        assert made.status == 202, made.text
        return await self.running.done(made.json["job"]["id"])

    async def rows(self, view):
        return (await self.running.get(f"/api/plugins/docker/view/{view}")).json["items"]


@contextlib.asynccontextmanager
async def world(folder: Path, *, engine: FakeEngine | None = None, stops: str = "true") -> AsyncIterator[World]:
    engine = engine or FakeEngine()
    if not engine.images:
        engine.add_image("used/engine:1", size=82_000_000)
    async with running_registry() as registry, serving(engine, folder / "s"):
        backend = folder / "spark-vllm-docker"
        (backend / "recipes").mkdir(parents=True, exist_ok=True)
        (backend / "run-recipe.sh").write_text("#!/bin/sh\n")
        (backend / "recipes" / "small.yaml").write_text(RECIPE.format(image=f"{registry.host}/team/vllm-node:1.0"))
        config = CONFIG.format(folder=folder, stops=stops)
        async with running_lab(folder, *drivers(), config=config, plugins={"docker": DockerPlugin()}) as running:
            yield World(running, engine, registry)


def drivers():
    from swaplab_vllm.backend import VllmBackend

    return (VllmBackend,)


def in_a_world(scenario, folder, **more):
    async def run():
        async with asyncio.timeout(120), world(folder, **more) as here:
            await scenario(here)

    asyncio.run(run())


def test_images_are_listed_as_older_clients_know_it(tmp_path):
    async def scenario(here):
        here.engine.add_image()
        answer = (await here.running.get("/api/images/docker?force=1")).json
        named, dangling = answer["images"]
        if named["reference"] != "used/engine:1":
            named, dangling = dangling, named
        assert named.keys() >= {"reference", "repository", "tag", "id", "size", "createdSince"}
        assert (named["repository"], named["tag"], named["size"]) == ("used/engine", "1", "82MB")
        assert dangling["reference"] == dangling["id"]
        [node] = answer["nodes"]
        assert node["isLocal"]
        assert node["images"] == answer["images"]

    in_a_world(scenario, tmp_path)


def test_wrong_requests_of_older_clients_are_told_in_one_text(tmp_path):
    async def scenario(here):
        update, delete = "/api/images/docker/update", "/api/images/docker/delete"
        wrong = [
            (update, {}), (update, {"reference": "<none>:<none>"}), (update, {"reference": "-x"}),
            (update, {"reference": "a:1", "nodeIp": "192.0.2.77"}), (delete, {}), (delete, {"reference": "--force"}),
            (delete, {"reference": "nothing:1"}),
        ]  # fmt: skip
        for path, body in wrong:
            answer = await here.running.post(path, body)
            assert (answer.status, type(answer.error)) == (400, str), (path, body, answer.text)
        answer = await here.running.ask("POST", update, data=b"{", headers={"Content-Type": "application/json"})
        assert (answer.status, answer.error[:20]) == (400, "invalid request body")

    in_a_world(scenario, tmp_path)


def test_an_image_that_is_used_is_not_deleted_unless_told_so_and_the_list_is_true_at_once(tmp_path):
    """The fork removes it by force, asks nobody, and shows it for two minutes more."""

    async def scenario(here):
        answer = await here.running.post("/api/images/docker/delete", {"reference": "used/engine:1"})
        assert answer.status == 409
        assert "model chat" in answer.error
        answer = await here.running.post("/api/images/docker/delete", {"reference": "used/engine:1", "force": True})
        assert answer.status == 200
        assert answer.json.keys() >= {"action", "nodeIp", "isLocal", "command", "message", "output", "durationMs"}
        assert (await here.running.get("/api/images/docker")).json["images"] == []

    in_a_world(scenario, tmp_path)


def test_the_id_of_an_image_counts_more_than_its_name(tmp_path):
    async def scenario(here):
        meant = here.engine.add_image("lab/old:1").id
        here.engine.add_image("lab/kept:1")
        answer = await here.running.post("/api/images/docker/delete", {"id": meant, "reference": "lab/kept:1"})
        assert answer.status == 200, answer.text
        left = [image["reference"] for image in (await here.running.get("/api/images/docker")).json["images"]]
        assert left == ["lab/kept:1", "used/engine:1"]

    in_a_world(scenario, tmp_path)


def test_what_runs_keeps_its_image_whatever_is_asked(tmp_path):
    async def scenario(here):
        here.ours("chat-box")
        for body in ({"reference": "used/engine:1", "force": True}, {"id": here.engine.images[0].id, "force": True}):
            answer = await here.running.post("/api/images/docker/delete", body)
            assert answer.status == 409
        assert len(here.engine.images) == 1

    in_a_world(scenario, tmp_path)


def test_a_pull_is_a_job_with_bytes_and_can_be_cancelled(tmp_path):
    async def scenario(here):
        here.engine.remote["lab/new:1"] = [("aaaaaaaaaaaa", 4000), ("bbbbbbbbbbbb", 6000)]
        here.engine.gate.clear()
        made = await here.running.post("/api/actions/docker:pull", {"input": {"image": "lab/new:1"}, "target": ""})
        job = made.json["job"]["id"]
        jobs = here.running.lab.parts.jobs
        await wait_until_async(lambda: "7 kB of 10 kB" in str(jobs.get(job).progress), "progress in bytes")
        assert 0.5 < jobs.get(job).progress.fraction < 0.9
        assert (await here.running.post(f"/api/jobs/{job}/cancel")).status == 200
        assert (await here.running.done(job))["state"] == JobState.CANCELLED.value
        await wait_until_async(lambda: here.engine.left, "the engine to be told")
        here.engine.gate.set()
        done = await here.act("pull", image="lab/new:1")
        assert (done["state"], done["result"]["reference"]) == ("succeeded", "lab/new:1")
        assert [row["image"] for row in await here.rows("images")] == ["lab/new:1", "used/engine:1"]

    in_a_world(scenario, tmp_path)


def test_an_older_client_waits_for_its_pull_and_hears_why_it_failed(tmp_path):
    async def scenario(here):
        here.engine.remote["lab/new:latest"] = [("aaaaaaaaaaaa", 4000)]
        answer = await here.running.post("/api/images/docker/update", {"nodeIp": "local", "reference": "lab/new"})
        assert answer.status == 200
        assert "Pull complete" in answer.json["output"]
        answer = await here.running.post("/api/images/docker/update", {"reference": "lab/nothing:1"})
        assert answer.status == 502
        assert "not found" in answer.error

    in_a_world(scenario, tmp_path)


def test_an_image_is_tagged_and_its_users_are_shown_before_it_goes(tmp_path):
    async def scenario(here):
        assert (await here.act("tag", "used/engine:1", reference="used/engine:kept"))["state"] == "succeeded"
        assert here.engine.images[0].tags == ["used/engine:1", "used/engine:kept"]
        dry = {"input": {}, "target": "used/engine:1"}
        plan = (await here.running.post("/api/actions/docker:remove?dry_run=1", dry)).json
        assert plan["warnings"] == ["model chat uses it"]
        assert (await here.act("remove", "used/engine:1"))["state"] == "succeeded"
        assert here.engine.images[0].tags == ["used/engine:kept"]

    in_a_world(scenario, tmp_path)


def test_dangling_images_go_and_the_others_stay(tmp_path):
    async def scenario(here):
        here.engine.add_image(size=5000)
        done = await here.act("prune")
        assert done["result"] == {"removed": 1, "bytes": 5000}
        assert [image.tags for image in here.engine.images] == [["used/engine:1"]]

    in_a_world(scenario, tmp_path)


def test_registries_are_asked_for_tags_and_a_backend_gets_the_newest_release(tmp_path):
    async def scenario(here):
        here.registry.tags["team/vllm-node"] = ["1.0", "1.1rc1", "1.0.1", "latest"]
        here.registry.page, here.registry.token = 2, True
        image = f"{here.registry.host}/team/vllm-node"
        [backend] = await here.rows("backends")
        chosen = await here.act("choose", backend["backend"], image=f"{image}:1.0")
        assert chosen["state"] == "succeeded"
        assert (await here.act("tags", backend["backend"]))["state"] == "succeeded"
        [backend] = await here.rows("backends")
        assert (backend["selected"], backend["latest"]) == (f"{image}:1.0", f"{image}:1.0.1")
        assert [(row["tag"], row["channel"]["text"]) for row in await here.rows("tags")] == [
            ("1.1rc1", "pre-release"), ("1.0.1", "stable"), ("1.0", "stable"), ("latest", "other"),
        ]  # fmt: skip
        selected = (await here.running.get("/api/recipes/backends")).json["backends"][0]["image"]["selected"]
        assert selected == f"{image}:1.0"

    in_a_world(scenario, tmp_path)


def test_a_registry_that_is_not_there_is_told(tmp_path):
    async def scenario(here):
        [backend] = await here.rows("backends")
        await here.act("choose", backend["backend"], image=f"{here.registry.host}/team/vllm-node:1.0")
        done = await here.act("tags", backend["backend"])
        assert done["state"] == "failed"
        assert "no registry could be asked" in done["error"]
        log = (await here.running.get(f"/api/jobs/{done['id']}/log")).text
        assert "has no repository team/vllm-node for everybody" in log

    in_a_world(scenario, tmp_path)


def test_a_change_behind_our_back_is_an_event_and_backends_know_of_it(tmp_path):
    async def scenario(here):
        await here.rows("images")
        await wait_until_async(lambda: here.engine.listeners, "the watch")
        with here.running.lab.parts.bus.subscribe(PluginNews) as news:
            here.engine.add_image("vllm-node:built-by-hand")
            async with asyncio.timeout(120):
                async for numbered in news:
                    if numbered.event.name == "images":
                        break
        assert numbered.event.data == {"count": 2}
        containers = (await here.running.get("/api/recipes/containers")).json
        assert "vllm-node:built-by-hand" in containers

    in_a_world(scenario, tmp_path)


def test_containers_say_whose_they_are_and_what_they_use(tmp_path):
    async def scenario(here):
        here.ours("chat-box")
        here.engine.run("used/engine:1", "stranger")
        shown = (await here.running.get("/api/plugins/docker/containers")).json["containers"]
        assert {one["name"]: one["leftover"] for one in shown} == {"chat-box": True, "stranger": False}
        rows = await here.rows("containers")
        assert [(row["name"], row["who"]) for row in rows] == [
            ("chat-box", "left behind by chat"), ("stranger", "not swaplab"),
        ]  # fmt: skip
        assert (rows[0]["cpu"], rows[0]["memory"]) == ("25 %", 12_000_000)
        facts = await here.rows(f"container/{rows[0]['id']}")
        assert {"label": "Used by", "value": "left behind by chat"} in facts

    in_a_world(scenario, tmp_path)


def test_only_what_is_ours_and_unused_can_be_stopped(tmp_path):
    async def scenario(here):
        stranger, ours = here.engine.run("used/engine:1", "stranger"), here.ours("chat-box")
        refused = await here.running.post("/api/actions/docker:stop", {"input": {}, "target": stranger.id})
        assert refused.status == 409
        assert "not ours" in refused.text
        assert (await here.running.post("/api/models/load/sleeper")).status == 200
        used = here.ours("sleeper-box", "sleeper")
        refused = await here.running.post("/api/actions/docker:stop", {"input": {}, "target": used.id})
        assert refused.status == 409
        assert "unload sleeper" in refused.text
        assert (await here.act("stop", ours.id))["state"] == "succeeded"
        assert [one.name for one in here.engine.containers] == ["stranger", "sleeper-box"]

    in_a_world(scenario, tmp_path, stops="false")


def test_the_log_of_a_container_is_followed_as_events(tmp_path):
    async def scenario(here):
        box = here.ours("chat-box")
        box.say("loading")
        async with here.running.client.get(f"/api/plugins/docker/containers/{box.id}/log/stream") as stream:
            assert stream.headers["Content-Type"] == "text/event-stream"
            seen = b""
            while b"loading" not in seen:
                seen += await stream.content.readany()
            box.say("ready")
            while b"ready" not in seen:
                seen += await stream.content.readany()
        assert b'"text":"loading"' in seen
        assert b'"source":"chat-box"' in seen
        assert (await here.running.get("/api/plugins/docker/containers/nothing/log/stream")).status == 404

    in_a_world(scenario, tmp_path)


def test_what_an_earlier_run_has_left_is_stopped_before_anything_is_served(tmp_path):
    engine = FakeEngine()

    async def leave(here):
        here.ours("chat-box")
        here.engine.run("used/engine:1", "stranger")
        here.engine.run("used/engine:1", "another", labels={"swaplab.managed": "1", "swaplab.instance": "other"})

    async def come_back(here):
        assert [one.name for one in engine.containers] == ["stranger", "another"]

    in_a_world(leave, tmp_path, engine=engine)
    (tmp_path / "s").unlink(missing_ok=True)
    in_a_world(come_back, tmp_path, engine=engine)


def test_without_an_engine_the_pages_say_what_to_do_and_everything_else_goes_on(tmp_path):
    async def run():
        config = CONFIG.format(folder=tmp_path, stops="true")
        async with running_lab(tmp_path, *drivers(), config=config, plugins={"docker": DockerPlugin()}) as running:
            hint = (await running.get("/api/plugins/docker/view/engine")).json
            assert hint["level"] == "warn"
            assert "no container engine answers" in hint["text"]
            assert "plugins.docker.host" in hint["text"]
            for view in ("images", "containers", "backends", "tags"):
                assert (await running.get(f"/api/plugins/docker/view/{view}")).status == 200
            answer = await running.get("/api/images/docker")
            assert (answer.status, type(answer.error)) == (502, str)
            refused = await running.post("/api/actions/docker:prune", {"input": {}, "target": ""})
            assert refused.status == 409
            assert (await running.post("/api/models/load/sleeper")).status == 200
            found = (await running.get("/api/diagnostics")).json
            assert "these models may need one: chat" in str(found)
            records = (await running.get("/api/plugins")).json["plugins"]
            assert {one["state"] for one in records if one["name"] == "docker"} == {"ok"}

    asyncio.run(run())


def test_diagnostics_tell_of_the_engine_its_room_and_what_lies_around(tmp_path):
    async def scenario(here):
        here.engine.root = str(tmp_path)
        here.ours("chat-box")
        found = str((await here.running.get("/api/diagnostics")).json)
        assert "Docker 20.10.0-fake at unix://" in found
        assert "are free for images in" in found
        assert "left behind by models: chat-box" in found

    in_a_world(scenario, tmp_path)


def test_an_engine_that_goes_is_noticed_and_found_again(tmp_path):
    async def run():
        engine = FakeEngine()
        config = CONFIG.format(folder=tmp_path, stops="true")
        async with running_lab(tmp_path, config=config, plugins={"docker": DockerPlugin()}) as running:

            async def names():
                answer = await running.get("/api/images/docker")
                return [image["reference"] for image in answer.json.get("images", ())]

            engine.add_image("one:1")
            async with serving(engine, tmp_path / "s"):
                assert await names() == ["one:1"]
            assert (await running.get("/api/images/docker")).status == 502
            (tmp_path / "s").unlink(missing_ok=True)
            engine.add_image("two:1")
            async with serving(engine, tmp_path / "s"):
                assert await names() == ["one:1", "two:1"]

    asyncio.run(run())
