"""What a model entry with `backend: llamacpp` may say. Each option knows its flag."""

from __future__ import annotations

from typing import Any, Literal

from attrs import field, frozen


def _option(
    flag: str, explanation: str, *, default: Any = None, off: str = "", path: bool = False, minimum: int | None = None
) -> Any:
    """Make a field that becomes `flag VALUE`, or `flag` for True and `off` (when there is one) for False."""
    metadata = {"help": explanation, "minimum": minimum, "flag": flag, "off": off, "path": path}
    return field(default=default, metadata=metadata)


@frozen(kw_only=True)
class LlamaCppOptions:
    """The typed options of a model entry; whatever is left out is left to llama-server."""

    model: str = field(
        default="",
        metadata={
            "help": "Path of the GGUF file, absolute or relative to where swaplab was started. "
            "Of a model in several files name the first. Left out with a recipe, with presets or modelsDir."
        },
    )
    binary: str | None = field(
        default=None,
        metadata={"help": "The llama-server program: a name on PATH or a path. The first one installed, if left out."},
    )
    image: str = field(
        default="",
        metadata={
            "help": "Run the server in a container of this image, with docker, instead of the installed program."
        },
    )
    docker_args: tuple[str, ...] = field(
        default=(),
        metadata={
            "help": "With an image: more options of docker run, one list item each. `--network=host` shares the "
            "machine's network, where the engine cannot publish ports."
        },
    )
    presets: str = field(
        default="",
        metadata={
            "help": "A presets file instead of a model: llama-server becomes a router that loads and drops the models "
            "of the file by itself. Name them in aliases, so that clients can ask for them."
        },
    )
    models_dir: str = field(
        default="",
        metadata={
            "help": "A folder of GGUF files instead of a model: as with presets; the models are called like their "
            "files, without .gguf, or like the folder a model has for itself."
        },
    )
    models_max: int = field(
        default=4,
        metadata={"help": "With presets or modelsDir: how many models the router keeps loaded.", "minimum": 1},
    )
    ctx_size: int | None = _option(
        "--ctx-size", "Context in tokens, for all slots together. 0: as the model has it.", minimum=0
    )
    gpu_layers: int | Literal["auto", "all"] | None = _option(
        "--gpu-layers", "How many layers go to the GPU: a number, auto or all."
    )
    parallel: int | None = _option("--parallel", "How many requests are served at once (slots).", minimum=1)
    threads: int | None = _option("--threads", "CPU threads used to generate.", minimum=1)
    flash_attention: Literal["on", "off", "auto"] | None = _option("--flash-attn", "Flash attention: on, off or auto.")
    cache_type_k: str | None = _option("--cache-type-k", "Type of the K cache, such as f16 or q8_0.")
    cache_type_v: str | None = _option("--cache-type-v", "Type of the V cache, such as f16 or q8_0.")
    mmproj: str | None = _option(
        "--mmproj", "Path of the multimodal projector, for models that see or hear.", path=True
    )
    embeddings: bool = _option("--embeddings", "Serve embeddings, for models made for them.", default=False)
    reranking: bool = _option("--reranking", "Serve reranking, for models made for it.", default=False)
    pooling: Literal["none", "mean", "cls", "last", "rank"] | None = _option(
        "--pooling", "How embeddings are pooled: none, mean, cls, last or rank."
    )
    jinja: bool = _option(
        "--jinja", "Read chat templates with the Jinja engine; tool calls need it.", default=True, off="--no-jinja"
    )
    chat_template: str | None = _option("--chat-template", "A chat template that llama.cpp has built in, by name.")
    chat_template_file: str | None = _option("--chat-template-file", "Path of a file with a chat template.", path=True)
    metrics: bool = _option("--metrics", "Serve Prometheus metrics at /metrics of the upstream.", default=True)
    slots: bool | None = _option("--slots", "Serve the state of the slots at /slots of the upstream.", off="--no-slots")
    webui: bool = _option("--webui", "Serve llama.cpp's own web page.", default=False, off="--no-webui")
    extra_args: tuple[str, ...] = field(
        default=(), metadata={"help": "More arguments for llama-server, one list item each; they come last."}
    )
