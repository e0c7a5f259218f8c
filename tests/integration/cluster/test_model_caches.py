"""The model hub's caches over machines, through whatever reaches them."""

from __future__ import annotations

from swaplab_hub.testing import COMMIT, make_cached

LEGACY = "/api/recipes/backend/hf-models"
FOLDER = "models--org--model"


def hub_in(field, cache):
    """Let the daemon of a field have its cache there; the machines of these tests share one disk with it."""
    field.environment["HF_HUB_CACHE"] = str(cache)
    return field


def test_a_cache_is_seen_and_emptied_on_each_machine(over_ssh, tmp_path):
    cache = tmp_path / "a cache"
    make_cached(cache)
    make_cached(cache, "models--org--other")
    with hub_in(over_ssh, cache).serving({}) as swaplab:
        shown = swaplab.ask_as_admin("GET", "/api/plugins/hub/view/nodes").json()
        assert [column["id"] for column in shown["columns"]] == ["local", "n2", "n3", "n4"]
        assert shown["cells"][FOLDER]["n3"] == {"state": "ok", "text": "0.0 GiB", "title": COMMIT[:8]}
        unknown = swaplab.ask_as_admin("DELETE", LEGACY, json_body={"cacheDir": FOLDER, "nodes": ["n9"]})
        assert (unknown.status, "there are: n2, n3, n4" in unknown.json()["error"]) == (404, True)
        answer = swaplab.ask_as_admin("DELETE", LEGACY, json_body={"cacheDir": FOLDER, "nodes": ["*"]})
        assert answer.status == 200, answer.text
        assert answer.json()["nodes"] == {n: {"ok": True, "message": "it is not there"} for n in ("n2", "n3", "n4")}
        assert [model["cacheDir"] for model in answer.json()["models"]] == ["models--org--other"]
        unwatched = swaplab.ask_as_admin("DELETE", LEGACY, json_body={"cacheDir": "models--org--other"})
        assert (unwatched.status, unwatched.json()["nodes"]) == (200, {})


def test_what_a_machine_refuses_is_told_and_the_others_have_done_it(through_agents, tmp_path):
    """The agents of these tests allow Python alone; a gang of them is no machine of its own."""
    make_cached(tmp_path / "cache")
    with hub_in(through_agents, tmp_path / "cache").serving({}) as swaplab:
        shown = swaplab.ask_as_admin("GET", "/api/plugins/hub/view/nodes").json()
        assert [column["id"] for column in shown["columns"]] == ["local", "n2", "n3", "n4"]
        assert "does not allow sh" in shown["cells"][FOLDER]["n2"]["title"]
        answer = swaplab.ask_as_admin("DELETE", LEGACY, json_body={"cacheDir": FOLDER, "nodes": ["n2"]})
        assert answer.status == 502
        told = answer.json()
        assert "n2: " in told["error"]
        assert told["nodes"]["n2"]["ok"] is False
        assert told["models"] == []
    assert not (tmp_path / "cache" / FOLDER).exists()
