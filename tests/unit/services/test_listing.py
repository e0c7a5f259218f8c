"""The records of the model list: who is in it, what it says of each, and which capabilities clients read off it."""

from __future__ import annotations

import pytest

from swaplab_core.config.schema import (
    Capabilities,
    Config,
    ModelConfig,
    Peer,
    Profile,
    Selector,
    SelectorSettings,
)
from swaplab_core.engine import Phase
from swaplab_core.services.models.listing import describe_capabilities
from swaplab_core.services.models.request_router import RequestRouter


def listed(config, *, profile=None, **phases):
    """The records by id; `phases` of models that are not stopped."""

    def phase_of(model):
        return phases.get(model, Phase.STOPPED)

    routes = RequestRouter(phase_of)
    routes.use(config)
    routes.activate(profile)
    records = routes.listing(phase_of, 1_700_000_000).records()
    assert [record["id"] for record in records] == sorted(record["id"] for record in records)
    return {record["id"]: record for record in records}


def models(*entries):
    return {entry.id: entry for entry in entries}


def one(**fields):
    """The record of a single model."""
    return listed(Config(models=models(ModelConfig(id="m", **fields))))["m"]


def test_a_model_that_says_nothing_of_itself():
    assert one() == {
        "id": "m",
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "swaplab",
        "meta": {"llamaswap": {"type": "model"}},
        "status": {"value": "unloaded"},
    }


def test_name_and_description_are_trimmed_and_left_out_when_blank():
    record = one(name="  Model M ", description=" \n")

    assert record["name"] == "Model M"
    assert "description" not in record


def test_metadata_is_shown_and_cannot_fake_our_own_fields():
    record = one(metadata={"type": "liar", "port": 5800, "tags": ["a", {"b": True}]}, aliases=("x", "y"))

    assert record["meta"]["llamaswap"] == {
        "type": "model",
        "port": 5800,
        "tags": ["a", {"b": True}],
        "aliases": ["x", "y"],
    }


def test_an_unlisted_model_is_in_no_record_nor_are_its_aliases():
    config = Config(
        models=models(ModelConfig(id="m", unlisted=True, aliases=("x",)), ModelConfig(id="n")),
        include_aliases_in_list=True,
    )

    assert list(listed(config)) == ["n"]


def test_aliases_are_records_of_their_own_if_the_file_says_so():
    entry = ModelConfig(id="m", name="M", aliases=("x",), metadata={"k": 1}, capabilities=Capabilities(context=4096))
    config = Config(models=models(entry), include_aliases_in_list=True)

    record = listed(config, m=Phase.READY)["x"]

    assert record["meta"] == {"llamaswap": {"type": "alias", "modelID": "m", "k": 1}, "n_ctx": 4096}
    assert (record["name"], record["context_length"], record["status"]) == ("M", 4096, {"value": "loaded"})


@pytest.mark.parametrize("phase", Phase)
def test_loaded_is_everything_that_holds_a_process_at_work(phase):
    status = listed(Config(models=models(ModelConfig(id="m"))), m=phase)["m"]["status"]["value"]

    assert status == ("unloaded" if phase in {Phase.STOPPED, Phase.ASLEEP} else "loaded")


def test_peer_models_are_listed_by_their_full_name_and_never_loaded():
    peers = {
        "lab": Peer(proxy="http://peer.example", models=("org/m", "shared")),
        "eu": Peer(proxy="http://peer.example", models=("shared",)),
    }

    records = listed(Config(peers=peers))

    assert list(records) == ["eu/shared", "lab/org/m", "lab/shared"]
    assert records["lab/org/m"]["name"] == "lab: org/m"
    assert records["lab/org/m"]["meta"]["llamaswap"] == {"type": "peer", "peerID": "lab"}
    assert {record["status"]["value"] for record in records.values()} == {"unloaded"}


def test_selectors_tell_how_they_choose():
    selectors = {
        "spill": Selector(
            strategy="spillover",
            targets=("m", "n"),
            settings=SelectorSettings(3),
            name="Spill",
            metadata={"k": 1, "type": "liar"},
        ),
        "hot": Selector(strategy="warm", targets=("m",), description="d"),
        "hidden": Selector(strategy="pin", targets=("m",), unlisted=True),
    }
    config = Config(models=models(ModelConfig(id="m"), ModelConfig(id="n")), selectors=selectors)

    records = listed(config, n=Phase.STARTING)

    assert list(records) == ["hot", "m", "n", "spill"]
    spill, hot = records["spill"], records["hot"]
    assert spill["meta"]["llamaswap"] == {
        "type": "selector",
        "strategy": "spillover",
        "targets": ["m", "n"],
        "spillover": 3,
        "k": 1,
    }
    assert hot["meta"]["llamaswap"] == {"type": "selector", "strategy": "warm", "targets": ["m"]}
    assert (spill["name"], hot["description"]) == ("Spill", "d")
    assert (spill["status"]["value"], hot["status"]["value"]) == ("loaded", "unloaded")


def test_pins_of_the_active_profile_are_listed_unless_they_shadow_a_name_or_switch_it_off():
    config = Config(
        models=models(ModelConfig(id="m", aliases=("alias",))),
        selectors={"auto": Selector(strategy="pin", targets=("m",))},
        profiles={"p": Profile(pins={"gpt-4o": "m", "m": "auto", "alias": "m", "auto": "m", "off": None, "gone": ""})},
    )

    assert "gpt-4o" not in listed(config)
    records = listed(config, profile="p")

    assert list(records) == ["auto", "gpt-4o", "m"]
    assert records["gpt-4o"]["meta"]["llamaswap"] == {"type": "profile"}


def test_capabilities_go_into_the_fields_that_clients_read():
    record = one(
        capabilities=Capabilities(inputs=("text", "image"), outputs=("text",), tools=True, context=32768),
        metadata={"context_length": 1, "architecture": "x", "capabilities": 1, "supported_parameters": 2, "own": 3},
    )

    assert record["architecture"] == {
        "input_modalities": ["text", "image"],
        "output_modalities": ["text"],
        "modality": "text+image->text",
    }
    assert record["capabilities"] == {"vision": True, "function_calling": True}
    assert record["supported_parameters"] == ["tools", "tool_choice"]
    assert record["context_length"] == 32768
    assert record["meta"] == {"llamaswap": {"type": "model", "own": 3}, "n_ctx": 32768}


def test_without_capabilities_metadata_of_these_names_is_kept():
    record = one(metadata={"context_length": 1, "architecture": "x"})

    assert record["meta"]["llamaswap"] == {"type": "model", "context_length": 1, "architecture": "x"}
    assert "context_length" not in record


@pytest.mark.parametrize(
    ("can", "flags"),
    [
        (Capabilities(inputs=("text", "image"), outputs=("text",)), {"vision"}),
        (Capabilities(inputs=("audio",), outputs=("text",)), {"audio_transcriptions"}),
        (Capabilities(inputs=("text",), outputs=("audio",)), {"audio_speech"}),
        (Capabilities(inputs=("text",), outputs=("image",)), {"image_generation"}),
        (Capabilities(inputs=("image",), outputs=("image",)), {"vision", "image_to_image"}),
        (
            Capabilities(inputs=("text", "image"), outputs=("image",)),
            {"vision", "image_generation", "image_to_image"},
        ),
        (Capabilities(inputs=("text",), outputs=("text",)), set()),
        (Capabilities(tools=True), {"function_calling"}),
        (Capabilities(reranker=True), {"reranker"}),
        (Capabilities(context=8), set()),
    ],
)
def test_flags_follow_from_what_goes_in_and_out(can, flags):
    assert describe_capabilities(can)["capabilities"] == dict.fromkeys(flags, True)


def test_a_modality_needs_both_sides():
    assert "modality" not in describe_capabilities(Capabilities(inputs=("text",)))["architecture"]
    assert "architecture" not in describe_capabilities(Capabilities(tools=True))
    assert describe_capabilities(Capabilities()) == {}
