"""Names and tokenizer of a model."""

from __future__ import annotations

import pytest

from swaplab_benchy.targets import ModelFacts, Target, target_of, tokenizer_of, trusts_remote_code, without_gguf_suffix


def facts(model="m", **more):
    return ModelFacts(asked=model, id=model, **more)


@pytest.mark.parametrize(
    ("known", "given", "expected"),
    [
        (facts(), "org/tok", "org/tok"),
        (facts(), "/models/tok", "/models/tok"),
        (facts(), "models--org--name", "org/name"),
        (facts(metadata={"benchy_tokenizer": "a/b", "tokenizer": "c/d"}), "", "a/b"),
        (facts(metadata={"tokenizer": "c/d"}), "", "c/d"),
        (facts(metadata={"benchy": {"tokenizer": "e/f"}}), "", "e/f"),
        (facts("models--org--a--b"), "", "org/a--b"),
        (facts("org/model"), "", "org/model"),
        (facts(use_model_name="models--x--y"), "", "x/y"),
        (facts(use_model_name="x/y"), "", "x/y"),
        (facts(aliases=("plain", "al/ias")), "", "al/ias"),
        (facts(), "", "m"),
        # a value that repeats the model's own name is no tokenizer
        (facts("m", use_model_name="x/y"), "m", "x/y"),
        (facts("m", use_model_name="x/y", metadata={"tokenizer": "c/d"}), "x/y", "c/d"),
        # GGUF repositories have no tokenizer; the metadata's word stands
        (facts(use_model_name="org/Name-GGUF", reads_gguf=True), "", "org/Name"),
        (facts(use_model_name="org/Name-GGUF"), "", "org/Name-GGUF"),
        (facts(metadata={"tokenizer": "org/T-GGUF"}, reads_gguf=True), "", "org/T-GGUF"),
        (facts(reads_gguf=True), "org/Given_gguf", "org/Given"),
    ],
)
def test_the_tokenizer_is_looked_for_in_this_order(known, given, expected):
    assert tokenizer_of(known, given) == expected


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ("o/n-GGUF", "o/n"),
        ("o/n_gguf", "o/n"),
        ("o/n.gguf", "o/n"),
        ("o/nGGUF", "o/n"),
        ("o/n-GGUF.gguf", "o/n"),
        ("o/gguf", "o/gguf"),
        ("o/n-gguf-x", "o/n-gguf-x"),
        ("/local/n.gguf", "/local/n.gguf"),
        ("plain-GGUF", "plain-GGUF"),
    ],
)
def test_the_suffix_of_quantised_repositories_is_taken_off(repository, expected):
    assert without_gguf_suffix(repository) == expected


def test_requests_through_this_server_say_the_name_that_was_asked_for():
    known = ModelFacts(asked="alias", id="m", use_model_name="org/real")
    target = target_of(known, tokenizer="", own_address=True, trust_remote_code=None)
    assert target == Target("alias", "org/real", "org/real", trust_remote_code=False)


def test_an_engine_that_is_asked_directly_hears_its_own_name():
    def served(**more):
        return target_of(facts(**more), tokenizer="", own_address=False, trust_remote_code=None).served

    assert served(use_model_name="org/real") == "org/real"
    assert served(metadata={"tokenizer": "to/k"}) == "to/k"
    assert served(aliases=("x", "al/ias"), metadata={"tokenizer": "/local"}) == "al/ias"
    assert served() == "m"


def test_a_local_tokenizer_is_not_shown_as_the_models_name():
    assert target_of(facts(), tokenizer="/t", own_address=True, trust_remote_code=None).shown == "m"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, False),
        ({"benchy_trust_remote_code": "true", "trust_remote_code": False}, True),
        ({"trust_remote_code": 1}, True),
        ({"benchy": {"trust_remote_code": "t"}}, True),
        ({"benchy": {"trustRemoteCode": True}}, True),
        ({"benchy": {"trustRemoteCode": "nonsense"}}, False),
        ({"benchy": "text"}, False),
    ],
)
def test_trust_is_read_from_the_metadata(metadata, expected):
    assert trusts_remote_code(metadata) is expected


def test_what_was_asked_for_beats_the_metadata():
    known = facts(metadata={"trust_remote_code": True})
    assert not target_of(known, tokenizer="", own_address=True, trust_remote_code=False).trust_remote_code
