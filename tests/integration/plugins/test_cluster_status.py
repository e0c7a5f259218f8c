"""The status of a cluster through a daemon without any enrolled machine: how old an answer may be, and its errors."""

from __future__ import annotations

import asyncio

import pytest
from running_lab import running_lab

from swaplab_cluster.hooks import Cluster

TTL = "LLAMA_SWAP_CLUSTER_STATUS_CACHE_TTL_SECONDS"
STATUS = "/api/cluster/status"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = "models: {}\nplugins: {cluster: {collectSeconds: 0}}\n"

    def start(scenario, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        async def main():
            async with (
                asyncio.timeout(120),
                running_lab(tmp_path, config=config, plugins={"cluster": Cluster()}) as lab,
            ):
                await scenario(lab)

        asyncio.run(main())

    return start


def state(answer):
    assert answer.headers["X-Cluster-Cache-State"] == answer.json["cacheState"]
    return answer.json["cacheState"]


def test_without_an_age_that_is_fresh_every_answer_is_a_new_look(run):
    async def scenario(lab):
        answers = [await lab.get(f"{STATUS}?include=storage") for _ in range(3)]
        assert [state(answer) for answer in answers] == ["miss", "miss", "miss"]

    run(scenario, **{TTL: "0"})


def test_an_answer_is_kept_for_its_time_unless_somebody_asks_anew(run):
    async def scenario(lab):
        asked = ["?include=storage", "?include=storage", "?include=storage&force=1", "?include=storage&refresh=true"]
        assert [state(await lab.get(STATUS + query)) for query in asked] == ["miss", "fresh", "miss", "miss"]

    run(scenario, **{TTL: "60"})


def test_an_answer_says_how_it_came_about_and_a_summary_asks_for_nothing(run):
    async def scenario(lab):
        answer = (await lab.get(f"{STATUS}?view=summary")).json
        assert (answer["overall"], answer["nodeCount"], answer["remoteCount"]) == ("solo", 1, 0)
        assert (answer["execMode"], answer["connectivityMode"]) == ("local", "ssh")
        assert {"autodiscover", "probe", "metrics", "storage", "dgx", "total"} == answer["timingsMs"].keys()
        assert isinstance(answer["cacheAgeMs"], int)
        [node] = answer["nodes"]
        assert not {"cpu", "gpu", "disk", "dgx"} & node.keys()
        assert "storage" not in answer
        full = (await lab.get(STATUS)).json
        assert {"cpu", "gpu", "disk", "dgx"} <= full["nodes"][0].keys()
        assert full["storage"]["paths"]

    run(scenario)


def test_an_error_names_the_script_of_the_discovery_and_no_backend(run, tmp_path):
    (tmp_path / "cluster-inventory.yaml").write_text("nodes: {a: b}\n")

    async def scenario(lab):
        answer = await lab.get(STATUS)
        assert answer.status == 500
        assert answer.json["autodiscoverPath"] == "/opt/autodiscover.sh"
        assert "cluster-inventory.yaml:1" in answer.error
        assert "backendDir" not in answer.json

    run(scenario, LLAMA_SWAP_CLUSTER_AUTODISCOVER_PATH="/opt/autodiscover.sh")
