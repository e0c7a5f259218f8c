"""What can be done with a folder of TensorRT-LLM: pulling NVIDIA's image, and making the folder's own of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from swaplab_core.domain.backend import BackendState
from swaplab_core.plugin import ActionSpec, Plan, Step
from swaplab_core.plugin.backend_actions import (
    BUILDER,
    PULL_SECONDS,
    ImageForm,
    action,
    build,
    check_image,
    lacks,
    plan,
    pull,
    run_in,
    unknown,
)
from swaplab_trtllm import images

COPIER = "copy-image-to-peers.sh"


def actions(state: BackendState) -> Sequence[ActionSpec]:
    """Pull, update, build; an update goes on to what the folder has scripts for."""
    missing = lacks(state, BUILDER)
    return (
        action("pull_trtllm_image", "Pull NVIDIA's image", ImageForm, icon="download", order=30),
        action("update_trtllm_image", "Update to an image", ImageForm, icon="refresh-cw", order=31),
        action("build_trtllm_image", "Build from an image", ImageForm, icon="hammer", unavailable=missing, order=32),
    )


def plan_of(action_id: str, form: Any, state: BackendState) -> Plan:
    """Say what an action runs."""
    choice = images.images(state)
    image = check_image(form.image or choice.selected)
    match action_id:
        case "pull_trtllm_image":
            return plan(state, pull(image))
        case "update_trtllm_image":
            newest = check_image(form.image or choice.latest or choice.selected)
            told = () if form.image or choice.latest else ("the registry was not asked for newer images",)
            return plan(state, *_update(newest, state), warnings=told)
        case "build_trtllm_image":
            return plan(state, _build(image, state))
        case _:
            raise unknown(action_id, "TensorRT-LLM")


def _update(image: str, state: BackendState) -> Iterator[Step]:
    yield pull(image)
    if not lacks(state, BUILDER):
        yield _build(image, state)
    if not lacks(state, COPIER):
        yield run_in(state, "Copy to the other nodes", (f"./{COPIER}", image), PULL_SECONDS)


def _build(image: str, state: BackendState) -> Step:
    return build(state, f"Build from {image}", "-t", "trtllm-node", "--source-image", image, "-c")
