"""Which container images llama.cpp models run in."""

from __future__ import annotations

from swaplab_core.domain.backend import BackendState, ImageChoice
from swaplab_core.domain.image import repository_of, with_tag
from swaplab_core.plugin.images import choose

DEFAULT = "llama-cpp-spark:last"
VARIABLE = "LLAMA_SWAP_LLAMACPP_SOURCE_IMAGE"
FAMILIES = ("llama-cpp-spark", "ghcr.io/ggml-org/llama.cpp", "scitrera/dgx-spark-llama-cpp", "llama-cpp", "llamacpp")


def is_ours(image: str) -> bool:
    """Is this an image of llama.cpp?"""
    return any(repository_of(image).startswith(family) for family in FAMILIES)


def images(state: BackendState) -> ImageChoice:
    """The choice of a person, then the variable, then the image that the folder builds."""
    choice = choose(state, default=DEFAULT, known=(), is_ours=is_ours, given=state.environment.get(VARIABLE, ""))
    if state.local_images and choice.selected not in map(with_tag, state.local_images):
        return ImageChoice(
            choice.selected,
            choice.default,
            choice.available,
            warning=f"{choice.selected} is not on this machine: build it",
        )
    return choice
