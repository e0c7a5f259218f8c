"""What a person writes in a model entry reaches the drivers that are installed here, or is refused with its line."""

from __future__ import annotations

import pytest

from swaplab_core.app.files import backend_schemas
from swaplab_core.config.load import Source, load
from swaplab_core.plugin import LaunchRequest, ModelId
from swaplab_core.plugin.catalogue import Catalogue


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue.discover()


def loaded(catalogue, text):
    schemas = backend_schemas(catalogue.backends)
    return load([Source("config.yaml", text)], environment={"HOME": "/home/me"}, backends=schemas)


def argv_of(catalogue, text, model):
    found = loaded(catalogue, text)
    assert found.problems == ()
    entry = found.config.models[ModelId(model)]
    request = LaunchRequest(ModelId(model), entry.options, "127.0.0.1", 5800, lambda name: f"/bin/{name}")
    return catalogue.backend(entry.backend).launch(request).argv


def test_a_plain_command_is_split_and_keeps_its_order(catalogue):
    text = """
models:
  plain:
    cmd: my-server --port ${PORT} "two words"
"""
    assert argv_of(catalogue, text, "plain") == ("my-server", "--port", "5800", "two words")


def test_the_typed_options_of_llama_cpp_become_flags(catalogue):
    text = """
models:
  qwen:
    backend: llamacpp
    model: ${env.HOME}/qwen.gguf
    ctxSize: 8192
    gpuLayers: 33
    flashAttention: on
    cacheTypeK: q8_0
    slots: false
    extraArgs: [--seed, 7]
"""
    assert argv_of(catalogue, text, "qwen") == (
        "/bin/llama-server",
        *("-m", "/home/me/qwen.gguf"),
        *("--alias", "qwen"),
        *("--host", "127.0.0.1"),
        *("--port", "5800"),
        *("--ctx-size", "8192"),
        *("--gpu-layers", "33"),
        *("--flash-attn", "on"),
        *("--cache-type-k", "q8_0"),
        *("--jinja", "--metrics", "--no-slots", "--no-webui"),
        *("--seed", "7"),
    )


def test_layers_may_be_a_word(catalogue):
    text = "models:\n  a:\n    backend: llamacpp\n    model: a.gguf\n    gpuLayers: all\n"
    argv = argv_of(catalogue, text, "a")
    assert argv[argv.index("--gpu-layers") + 1] == "all"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("gpuLayers: most", "models.a.gpuLayers"),
        ("flashAttention: maybe", "models.a.flashAttention"),
        ("parallel: 0", "models.a.parallel"),
        ("ctxSize: large", "models.a.ctxSize"),
        ("extraArgs: --seed 7", "models.a.extraArgs"),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(catalogue, line, path):
    found = loaded(catalogue, f"models:\n  a:\n    backend: llamacpp\n    model: a.gguf\n    {line}\n")
    assert found.config is None
    assert [(problem.path, problem.line) for problem in found.problems] == [(path, 5)]


def test_a_model_entry_without_its_file_is_refused(catalogue):
    found = loaded(catalogue, "models:\n  a:\n    backend: llamacpp\n    ctxSize: 4096\n")
    assert found.config is None
    assert "'model' is missing" in str(found.problems[0])
