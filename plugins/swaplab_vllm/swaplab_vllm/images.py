"""Which container images vLLM models run in."""

from __future__ import annotations

from swaplab_core.domain.backend import BackendState, FolderFacts, ImageChoice
from swaplab_core.domain.image import repository_of
from swaplab_core.plugin.images import choose

DEFAULT = "vllm-node:latest"
NVIDIA_DEFAULT = "nvcr.io/nvidia/vllm:26.01-py3"
BUILT = ("vllm-node:latest", "vllm-node-mxfp4:latest", "vllm-node-12.0f:latest")
"""Images that the actions build."""

FAMILIES = ("vllm-node", "eugr/spark-vllm", "vllm/vllm-openai", "nvcr.io/nvidia/vllm")


def is_ours(image: str) -> bool:
    """Is this an image of vLLM?"""
    repository = repository_of(image)
    return any(repository.startswith(family) for family in FAMILIES)


def is_nvidia(state: BackendState) -> bool:
    """Is this a folder around NVIDIA's own image?"""
    return default_image(state.facts) == NVIDIA_DEFAULT


def default_image(folder: FolderFacts) -> str:
    """The image of recipes that name none."""
    return NVIDIA_DEFAULT if "nvidia" in folder.name.lower() else DEFAULT


def images(state: BackendState) -> ImageChoice:
    """The choice of a person, else what recipes and builds use."""
    default = default_image(state.facts)
    return choose(state, default=default, known=(default,) if is_nvidia(state) else BUILT, is_ours=is_ours)
