"""What can be done with a folder of llama.cpp: fetch its sources, build its image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import frozen

from swaplab_core.domain.backend import BackendState
from swaplab_core.plugin import ActionSpec, Plan, Step, form_field
from swaplab_core.plugin.backend_actions import (
    BUILD_SECONDS,
    GIT_SECONDS,
    action,
    check_image,
    check_word,
    lacks,
    plan,
    read_build,
    run_in,
    unknown,
)
from swaplab_llamacpp import images

BUILDER = "build-llama-cpp-spark.sh"
SOURCES = "llama.cpp"
DOCKERFILE = "Dockerfile.llama-cpp-spark"

_BUILD = re.compile(r"b(\d+)")


@frozen
class BuildForm:
    """Which version, for which GPU."""

    tag: str = form_field("Version", "", help="a tag of llama.cpp; empty: the newest that is here", placeholder="b8000")
    image: str = form_field("Image", "", help="name of the image that is built; empty: the chosen one")
    cuda_arch: str = form_field("CUDA architecture", "121", help="as nvcc counts them", advanced=True)


def newest(tags: Iterable[str]) -> str:
    """Return the tag with the highest build number; other tags (`master-…`) are no versions. "" when there is none."""
    numbers = {tag: int(found[1]) for tag in tags if (found := _BUILD.fullmatch(tag))}
    return max(numbers, key=lambda tag: numbers[tag], default="")


def actions(state: BackendState) -> Sequence[ActionSpec]:
    """Build the image, or only look for new versions."""
    without_sources = "" if SOURCES in state.facts.tags else f"{state.folder}/{SOURCES} is no git checkout"
    missing = lacks(state, BUILDER) or without_sources
    return (
        action("build_llamacpp", "Build llama.cpp", BuildForm, icon="hammer", unavailable=missing, order=30),
        action("fetch_llamacpp_tags", "Fetch new versions", icon="refresh-cw", unavailable=without_sources, order=31),
    )


def plan_of(action_id: str, form: Any, state: BackendState) -> Plan:
    """Say what an action runs."""
    match action_id:
        case "build_llamacpp":
            return plan(state, *_build(form, state))
        case "fetch_llamacpp_tags":
            return plan(state, _fetch(state))
        case _:
            raise unknown(action_id, "llama.cpp")


def _build(form: BuildForm, state: BackendState) -> Iterator[Step]:
    tag = form.tag or newest(state.facts.tags.get(SOURCES, ()))
    yield _fetch(state)
    if tag:
        argv = ("git", "-C", SOURCES, "checkout", "-f", check_word(tag, "version"))
        yield run_in(state, f"Check out {tag}", argv, GIT_SECONDS)
    env = {
        "SRC_DIR": str(state.folder / SOURCES),
        "IMAGE_TAG": check_image(form.image or images.images(state).selected),
        "CUDA_ARCH": check_word(form.cuda_arch, "architecture"),
        "CUDA_DOCKER_ARCH": check_word(form.cuda_arch, "architecture"),
    }
    if DOCKERFILE in state.facts.files:
        env["DOCKERFILE"] = str(state.folder / DOCKERFILE)
    yield run_in(state, "Build the image", (f"./{BUILDER}",), BUILD_SECONDS, env=env, reads_progress=read_build)


def _fetch(state: BackendState) -> Step:
    argv = ("git", "-C", SOURCES, "fetch", "--tags", "--force")
    return run_in(state, "Fetch new versions", argv, 600.0)
