"""What is decided about engines, pulls, tags, owners and users: facts in, values out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from attrs import evolve

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import LOCAL, Node, NodeId
from swaplab_docker import image_users, nodes, ownership, shapes, tags, wire
from swaplab_docker.facts import Container, Image
from swaplab_docker.layers import Layers, size
from swaplab_docker.registry import HUB, Repository, is_near, locate
from swaplab_docker.shapes import NodeImages
from swaplab_docker.where import Surroundings, find

HOME = Path("/home/you")


def place(environment=None, *, configured="", files=None, sockets=()):
    found = find(
        Surroundings(environment or {}, HOME, configured),
        read=lambda path: (files or {}).get(str(path)),
        exists=lambda path: str(path) in sockets,
    )
    return None if found is None else (found.url, found.context)


def context(name, host):
    meta = f"{HOME}/.docker/contexts/meta/{hashlib.sha256(name.encode()).hexdigest()}/meta.json"
    return {
        f"{HOME}/.docker/config.json": json.dumps({"currentContext": name}),
        meta: json.dumps({"Endpoints": {"docker": {"Host": host}}}),
    }


class TestWhere:
    def test_the_settings_count_first_then_the_environment_then_the_context_then_the_usual_sockets(self):
        files, sockets = context("far", "ssh://far"), ("/run/docker.sock",)
        environment = {"DOCKER_HOST": "tcp://h:1"}
        assert place(environment, configured="/s", files=files, sockets=sockets) == ("unix:///s", "")
        assert place(environment, files=files, sockets=sockets) == ("tcp://h:1", "")
        assert place({}, files=files, sockets=sockets) == ("ssh://far", "far")
        assert place({}, sockets=sockets) == ("unix:///run/docker.sock", "")
        assert place({}) is None

    def test_rootless_engines_and_podman_are_found(self):
        environment = {"XDG_RUNTIME_DIR": "/run/user/1"}
        for socket in ("/run/user/1/docker.sock", "/run/user/1/podman/podman.sock", "/run/podman/podman.sock"):
            assert place(environment, sockets=(socket,)) == (f"unix://{socket}", "")

    def test_a_context_that_is_the_default_or_cannot_be_read_is_passed_over(self):
        for text in ('{"currentContext": "default"}', "{", "[]", '{"currentContext": "gone"}'):
            files = {f"{HOME}/.docker/config.json": text}
            assert place({}, files=files, sockets=("/run/docker.sock",)) == ("unix:///run/docker.sock", "")


class TestLayers:
    def test_progress_counts_bytes_once_all_sizes_are_known_and_never_passes_one(self):
        layers = Layers()
        for layer in ("a" * 12, "b" * 12):
            layers.read({"status": "Pulling fs layer", "progressDetail": {}, "id": layer})
        assert layers.progress().fraction == 0.0
        layers.read({"status": "Downloading", "progressDetail": {"current": 50, "total": 100}, "id": "a" * 12})
        assert layers.progress().stage == "0 of 2 layers, 50 B of 100 B"
        layers.read({"status": "Downloading", "progressDetail": {"current": 300, "total": 900}, "id": "b" * 12})
        assert 0.25 < layers.progress().fraction < 0.35
        for layer in ("a" * 12, "b" * 12):
            layers.read({"status": "Pull complete", "progressDetail": {}, "id": layer})
        assert layers.progress().fraction == 1.0

    def test_the_log_says_each_state_once(self):
        layers = Layers()
        event = {"status": "Downloading", "progressDetail": {"current": 1, "total": 2}, "id": "a" * 12}
        assert [layers.read(event), layers.read(event)] == [f"{'a' * 12}: Downloading", ""]
        assert layers.read({"status": "Digest: sha256:1"}) == "Digest: sha256:1"
        assert layers.digest == "sha256:1"

    def test_odd_events_harm_nothing(self):
        layers = Layers()
        for event in ({}, {"status": None}, {"id": "x"}, {"status": "Downloading", "id": "y", "progressDetail": "?"}):
            layers.read(event)
        assert layers.progress().fraction == 0.0

    def test_sizes_are_read_as_people_write_them(self):
        assert [size(n) for n in (0, 999, 4_200, 82_000_000, 23_400_000_000)] == [
            "0 B", "999 B", "4.2 kB", "82 MB", "23.4 GB",
        ]  # fmt: skip


class TestTags:
    def test_candidates_come_before_their_release_and_posts_behind_it(self):
        given = ["1.3.0rc3", "1.3.0", "1.4.0rc1", "1.2.9", "1.3.0.post1", "1.3.0rc10", "latest"]
        assert tags.newest_first(given) == (
            "1.4.0rc1", "1.3.0.post1", "1.3.0", "1.3.0rc10", "1.3.0rc3", "1.2.9", "latest",
        )  # fmt: skip

    def test_the_newest_release_is_no_candidate(self):
        assert tags.newer("1.3.0", ["1.3.0", "1.4.0rc1", "1.3.1"]) == "1.3.1"
        assert tags.newer("1.3.0", ["1.4.0rc1"]) == ""
        assert tags.newer("1.3.0rc3", ["1.3.0rc4"]) == "1.3.0rc4"
        assert tags.newer("1.3.0rc3", ["1.3.0rc4", "1.3.0"]) == "1.3.0"

    def test_build_numbers_are_compared_as_numbers_and_branches_are_none(self):
        """What a comparison of texts gets wrong: master-… over b8000, and b900 over b8000."""
        assert tags.newest_first(["master-abc", "b900", "b8000"])[:2] == ("b8000", "b900")
        assert tags.newer("b900", ["master-abc", "b8000", "b901"]) == "b8000"
        assert tags.channel("master-abc") == "pre-release"

    def test_variants_are_compared_among_themselves(self):
        given = ["26.01-py3", "26.02-py3", "26.03-py3-igpu", "25.12-py3"]
        assert tags.newer("26.01-py3", given) == "26.02-py3"
        assert tags.newer("server-cuda-b10", ["server-b99", "server-cuda-b12"]) == "server-cuda-b12"

    @pytest.mark.parametrize(
        ("tag", "channel"),
        [("1.0", "stable"), ("v0.11.0", "stable"), ("b8000", "stable"), ("1.0rc1", "pre-release"),
         ("v2.0.0-beta.1", "pre-release"), ("nightly", "pre-release"), ("latest", "other"), ("cuda", "other")],
    )  # fmt: skip
    def test_channels(self, tag, channel):
        assert tags.channel(tag) == channel

    def test_1_10_is_newer_than_1_9_and_1_0_is_1(self):
        assert tags.newest_first(["1.9", "1.10"]) == ("1.10", "1.9")
        assert tags.newer("1.0", ["1.0.0"]) == ""


OURS = {"swaplab.managed": "1", "swaplab.instance": "me", "swaplab.model": "qwen"}


def box(name="box", state="running", **labels):
    return Container(
        name, name, "img:1", "sha256:1", state, labels={k.replace("__", "."): v for k, v in labels.items()}
    )


def ours(name="box", **more):
    return Container(
        name, name, "img:1", "sha256:1", labels={**OURS, **{k.replace("__", "."): v for k, v in more.items()}}
    )


class TestOwnership:
    def test_only_our_own_label_makes_a_leftover(self):
        foreign, another = box("a"), ours("b", swaplab__instance="other")
        left = ownership.leftovers([foreign, another, ours("c")], "me", {"qwen": False})
        assert [one.container.name for one in left] == ["c"]
        assert ownership.owned(foreign, "me", {}).told() == "not swaplab"
        assert ownership.owned(another, "me", {}).told() == "another swaplab"

    def test_a_container_whose_model_is_up_is_used_unless_that_model_is_only_starting(self):
        assert ownership.leftovers([ours()], "me", {"qwen": True}) == ()
        assert ownership.leftovers([ours()], "me", {"qwen": True}, starting="other") == ()
        assert len(ownership.leftovers([ours()], "me", {"qwen": True}, starting="qwen")) == 1

    def test_one_that_is_meant_to_stay_stays(self):
        assert ownership.leftovers([ours(swaplab__stays="1")], "me", {"qwen": False}) == ()

    def test_a_model_that_was_removed_has_left_it_behind(self):
        [one] = ownership.leftovers([ours()], "me", {})
        assert one.told() == "left behind by qwen"

    def test_models_with_odd_names_are_found_by_their_slug(self):
        label = ownership.slug("org/name:Q4")
        one = ownership.owned(ours(swaplab__model=label), "me", {"org/name:Q4": True})
        assert (one.model, one.is_used) == ("org/name:Q4", True)

    def test_a_taken_name_says_by_whom(self):
        assert ownership.in_the_way("free", [box()], "me", {}) == ""
        assert "has not started" in ownership.in_the_way("box", [box()], "me", {})
        assert "another swaplab" in ownership.in_the_way("box", [ours(swaplab__instance="x")], "me", {})
        assert "that of the container of qwen" in ownership.in_the_way("box", [ours()], "me", {"qwen": True})


class TestUsers:
    NAMED = image_users.named(
        {
            "run": {"cmd": "docker run --rm \\\n --name x vllm/vllm-openai:v1 serve"},
            "macro": {"cmd": ["podman", "run", "${image}"]},
            "typed": {"image": "ghcr.io/x/llama.cpp:server"},
            "managed": {"metadata": {"recipe_ui": {"container_image": "vllm-node"}}},
            "plain": {"cmd": "llama-server -m x", "image": "-x"},
        },
        {"image": "team/engine:2"},
        {
            "recipes": [{"identity": "b:r.yaml", "containerImage": "vllm-node:latest"}],
            "models": [{"modelId": "of-recipe", "recipe": "b:r.yaml", "containerImage": ""}],
        },
        [{"id": "b", "image": {"selected": "vllm-node:latest"}}, {"id": "none", "image": None}],
    )

    def test_models_recipes_and_backends_are_users(self):
        assert [str(user) for user in self.NAMED.users["vllm-node:latest"]] == [
            "model managed", "recipe b:r.yaml", "model of-recipe", "backend b",
        ]  # fmt: skip
        assert [str(user) for user in self.NAMED.users["vllm/vllm-openai:v1"]] == ["model run"]
        assert [str(user) for user in self.NAMED.users["team/engine:2"]] == ["model macro"]
        assert set(self.NAMED.users) == {
            "vllm-node:latest", "vllm/vllm-openai:v1", "team/engine:2", "ghcr.io/x/llama.cpp:server",
        }  # fmt: skip

    def test_containers_use_their_image_by_its_id(self):
        image = Image("sha256:1", ("other:1",))
        assert [str(user) for user in image_users.containers_of(image, [box("a"), box("b", "exited")])] == [
            "container a", "container b",
        ]  # fmt: skip


LINES = """
{"Repository":"vllm-node","Tag":"latest","ID":"sha256:1","Digest":"<none>","Size":"23.4GB"}
{"Repository":"vllm-node","Tag":"old","ID":"sha256:1","Digest":"sha256:aa","Size":"23.4GB"}
{"Repository":"<none>","Tag":"<none>","ID":"sha256:2","Digest":"<none>","Size":"1.5kB"}
"""


class TestNodes:
    def test_a_listing_is_read_by_image(self):
        first, second = nodes.read_listing(LINES)
        assert first.references == ("vllm-node:latest", "vllm-node:old")
        assert first.digests == ("vllm-node@sha256:aa",)
        assert (first.size, second.size, second.is_dangling) == (23_400_000_000, 1500, True)

    @pytest.mark.parametrize("line", ["nonsense", "[]", '{"ID"'])
    def test_a_line_that_is_no_image_is_told(self, line):
        with pytest.raises(InvalidRequest, match="docker images"):
            nodes.read_listing(line)

    def test_no_name_becomes_an_option(self):
        assert nodes.pull("-x").argv[-2:] == ("--", "-x")
        assert nodes.remove("-x", force=True).argv == ("docker", "rmi", "-f", "--", "-x")

    def test_this_machine_comes_first_and_its_images_count_or_those_of_the_first_that_answers(self):
        here = NodeImages(
            Node(LOCAL, "this machine", "local", "127.0.0.1"), (Image("sha256:1", ("a:1",)),), is_local=True
        )
        near = NodeImages(Node(NodeId("n2"), "n2", "ssh", "192.0.2.2"), (Image("sha256:2", ("b:1",)),))
        silent = evolve(near, images=(), error="silent")

        def listed(*nodes):
            answer = shapes.listing(nodes)
            return [image["reference"] for image in answer["images"]], [node["isLocal"] for node in answer["nodes"]]

        assert listed(near, here) == (["a:1"], [True, False])
        assert listed(near, evolve(here, images=(), error="no engine")) == (["b:1"], [True, False])
        assert listed(silent, near, evolve(here, error="no engine")) == (["b:1"], [True, False, False])
        assert "images" in shapes.listing([silent]), "nobody answers, and the shape stays"

    def test_a_node_must_be_known(self):
        here = Node(LOCAL, "this machine", "local", "127.0.0.1")
        far = Node(NodeId("n2"), "Second", "ssh", "192.0.2.2", addresses=("10.0.0.2", "198.51.100.2"))
        for written in ("", "local", "localhost", "192.0.2.1", " 192.0.2.1 "):
            assert nodes.node_of(written, [here, far], {"192.0.2.1"}) is here
        for written in ("n2", "Second", "192.0.2.2", "10.0.0.2", "198.51.100.2"):
            assert nodes.node_of(written, [here, far], {"192.0.2.1"}) is far
        with pytest.raises(InvalidRequest, match="no node is called"):
            nodes.node_of("192.0.2.9", [here, far], {"192.0.2.1"})


class TestRegistry:
    def test_repositories_are_found_as_docker_finds_them(self):
        assert locate("busybox:1") == Repository(HUB, "library/busybox")
        assert locate("vllm/vllm-openai:v1") == Repository(HUB, "vllm/vllm-openai")
        assert locate("nvcr.io/nvidia/vllm:26.01-py3") == Repository("nvcr.io", "nvidia/vllm")
        assert locate("localhost:5000/a@sha256:" + "0" * 64) == Repository("localhost:5000", "a")
        assert locate("docker.io/a/b") == Repository(HUB, "a/b")

    def test_only_this_machine_and_those_that_are_named_are_asked_without_tls(self):
        assert [is_near(host) for host in ("localhost:5000", "127.0.0.9", "[::1]:5000")] == [True] * 3
        assert [is_near(host) for host in ("localhost.example.org", "10.0.0.1", "127.0.0.1.nip.io")] == [False] * 3
        assert Repository("lab:5000", "a").url({"lab:5000"}) == "http://lab:5000"
        assert Repository("lab:5000", "a").url(()) == "https://lab:5000"


class TestWire:
    def test_the_share_of_the_processor_is_that_of_docker_stats(self):
        raw = {
            "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 4},
            "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
            "memory_stats": {"usage": 500, "limit": 1000, "stats": {"total_inactive_file": 100}},
            "pids_stats": {"current": 7},
        }
        usage = wire.read_usage(raw)
        assert (usage.cpu_percent, usage.memory, usage.memory_limit, usage.processes) == (80.0, 400, 1000, 7)

    @pytest.mark.parametrize("raw", [{}, {"cpu_stats": None, "memory_stats": []}, {"precpu_stats": {}}])
    def test_a_container_that_has_just_begun_has_no_share_yet(self, raw):
        assert wire.read_usage(raw).cpu_percent is None

    def test_podman_is_told_from_docker_and_names_that_are_none_are_left_out(self):
        info = wire.read_info({"Components": [{"Name": "Podman Engine"}], "Version": "4"}, {"Runtimes": {"crun": {}}})
        assert (info.name, info.runtimes) == ("Podman", ("crun",))
        assert wire.read_image({"Id": "sha256:1", "RepoTags": ["<none>:<none>"]}).is_dangling
