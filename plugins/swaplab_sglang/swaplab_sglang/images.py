"""Which container images SGLang models run in."""

from __future__ import annotations

from swaplab_core.domain.backend import BackendState, ImageChoice
from swaplab_core.domain.image import repository_of
from swaplab_core.plugin.images import choose

DEFAULT = "lmsysorg/sglang:latest"
FAMILIES = ("lmsysorg/sglang", "scitrera/dgx-spark-sglang", "nvcr.io/nvidia/sglang", "sglang")


def is_ours(image: str) -> bool:
    """Is this an image of SGLang?"""
    return any(repository_of(image).startswith(family) for family in FAMILIES)


def images(state: BackendState) -> ImageChoice:
    """The choice of a person, else what recipes use."""
    return choose(state, default=DEFAULT, known=(), is_ours=is_ours)
