"""The llama.cpp driver keeps the promises of every driver."""

from __future__ import annotations

from swaplab_core.testing.contracts.backend import BackendContract
from swaplab_llamacpp.backend import LlamaCppBackend
from swaplab_llamacpp.options import LlamaCppOptions


class TestLlamaCpp(BackendContract):
    backend = LlamaCppBackend
    samples = (
        LlamaCppOptions(model="/models/a.gguf"),
        LlamaCppOptions(model="-odd name.gguf", binary="my-server", mmproj="-m.gguf", embeddings=True, webui=True),
        LlamaCppOptions(model="a.gguf", gpu_layers="all", slots=False, metrics=False, jinja=False, extra_args=("-v",)),
        LlamaCppOptions(model="/m/a.gguf", image="llama:1", docker_args=("--network=host",), gpu_layers=0),
        LlamaCppOptions(models_dir="/m", models_max=1, ctx_size=512),
    )
