"""Which container images TensorRT-LLM models run in, and how NVIDIA's tags are ordered."""

from __future__ import annotations

import re
from collections.abc import Iterable

from swaplab_core.domain.backend import BackendState, ImageChoice
from swaplab_core.domain.image import repository_of
from swaplab_core.plugin.images import choose

REPOSITORY = "nvcr.io/nvidia/tensorrt-llm/release"
DEFAULT = f"{REPOSITORY}:1.3.0rc3"
BUILT = "trtllm-node:latest"
VARIABLE = "LLAMA_SWAP_TRTLLM_SOURCE_IMAGE"

_TAG = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:\.?rc(\d+))?(?:\.post(\d+))?")
_SOURCE = re.compile(r'^\s*SOURCE_IMAGE="?([^"\s$]+)"?', re.MULTILINE)
_FINAL = 10**6


def version(tag: str) -> tuple[int, ...] | None:
    """Return what orders a tag: release candidates before the final one, posts behind it; None for other tags."""
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    major, minor, patch, candidate, post = (None if part is None else int(part) for part in match.groups())
    return (major or 0, minor or 0, patch or 0, _FINAL if candidate is None else candidate, post or 0)


def newest_first(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags that are versions, the newest first."""
    versions = {tag: order for tag in tags if (order := version(tag)) is not None}
    return tuple(sorted(versions, key=lambda tag: versions[tag], reverse=True))


def is_stable(tag: str) -> bool:
    """Is this a version that is no release candidate?"""
    order = version(tag)
    return order is not None and order[3] == _FINAL


def is_ours(image: str) -> bool:
    """Is this an image of TensorRT-LLM?"""
    repository = repository_of(image)
    return repository == REPOSITORY or repository.startswith("trtllm-node")


def source_image(state: BackendState) -> str:
    """Return the image to build from, without a person's choice: the variable's, the build script's, the default."""
    named = _SOURCE.search(state.facts.texts.get("build-and-copy.sh", ""))
    return state.environment.get(VARIABLE) or (named[1] if named else "") or DEFAULT


def images(state: BackendState) -> ImageChoice:
    """The choice of a person, then the variable, then what the build script says."""
    tags = newest_first(state.remote_tags.get(REPOSITORY, ()))
    stable = next((tag for tag in tags if is_stable(tag)), tags[0] if tags else "")
    latest = f"{REPOSITORY}:{stable}" if stable else ""
    known = tuple(f"{REPOSITORY}:{tag}" for tag in tags[:12])
    return choose(state, default=DEFAULT, known=known, is_ours=is_ours, latest=latest, given=source_image(state))
