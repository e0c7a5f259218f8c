"""Lists and descriptions of models."""

from __future__ import annotations

from datetime import UTC, datetime

from swaplab_ollama.models import capabilities, description, find, processes, tags

NOW = datetime(2026, 1, 2, tzinfo=UTC)
METADATA = {"family": "llama", "parameter_size": "8B", "quantization_level": "Q4_K_M", "format": "gguf"}
EMPTY = {
    "parent_model": "",
    "format": "",
    "family": "",
    "parameter_size": "",
    "quantization_level": "",
    "families": [],
}


def listed(model, /, *, metadata=None, **more):
    return {"id": model, "created": 1_767_312_000, "meta": {"llamaswap": {"type": "model", **(metadata or {})}}, **more}


def running(name, state="ready", ttl=0):
    return {"model": name, "state": state, "ttl": ttl}


def test_a_listed_model_is_a_tag():
    (entry,) = tags([listed("a")])["models"]
    assert (entry["name"], entry["model"], entry["size"]) == ("a", "a", 0)
    assert entry["modified_at"] == "2026-01-02T00:00:00.000000Z"
    assert entry["details"] == EMPTY


def test_every_model_has_a_digest_of_its_own_that_stays():
    first, second = (entry["digest"] for entry in tags([listed("a"), listed("b")])["models"])
    assert first != second
    assert len(first) == 64
    assert first == tags([listed("a", created=5)])["models"][0]["digest"]


def test_details_are_taken_from_the_metadata():
    (entry,) = tags([listed("a", metadata=METADATA)])["models"]
    assert entry["details"] == {"parent_model": "", **METADATA, "families": ["llama"]}


def test_processes_are_the_models_that_are_ready():
    states = [running("a"), running("b", "starting"), running("c", "stopping"), running("d")]
    assert [entry["name"] for entry in processes(states, [], NOW)["models"]] == ["a", "d"]


def test_a_model_with_an_idle_time_goes_when_nobody_asks_it():
    (entry,) = processes([running("a", ttl=60)], [], NOW)["models"]
    assert entry["expires_at"] == "2026-01-02T00:01:00.000000Z"


def test_one_without_stays():
    (entry,) = processes([running("a")], [], NOW)["models"]
    assert entry["expires_at"].startswith("9999-")


def test_a_process_knows_its_context():
    (entry,) = processes([running("a")], [listed("a", context_length=4096)], NOW)["models"]
    assert entry["context_length"] == 4096


def test_a_description_says_what_the_configuration_says():
    record = listed("a", metadata=METADATA, context_length=4096, name="Model A", capabilities={"vision": True})
    told = description("a", record)
    assert told["details"]["family"] == "llama"
    assert told["model_info"] == {
        "general.architecture": "llama",
        "general.basename": "Model A",
        "llama.context_length": 4096,
    }
    assert told["capabilities"] == ["completion", "vision"]


def test_of_a_model_that_is_not_listed_nothing_is_said():
    told = description("a", {})
    assert told["model_info"] == {"general.architecture": "unknown", "general.basename": "a"}
    assert told["capabilities"] == ["completion"]


def test_capabilities_have_ollamas_names():
    can = {"vision": True, "function_calling": True}
    assert capabilities(listed("a", capabilities=can, metadata={"thinking": True})) == [
        "completion",
        "vision",
        "tools",
        "thinking",
    ]
    assert capabilities(listed("a", capabilities={"reranker": True})) == []


def test_a_model_is_found_by_id_and_alias_in_either_list():
    records = [listed("a", metadata={"aliases": ["x"]}), {"id": "b", "aliases": ["y"]}]
    assert [record and record["id"] for record in (find(name, records) for name in "axbyz")] == [
        "a",
        "a",
        "b",
        "b",
        None,
    ]
