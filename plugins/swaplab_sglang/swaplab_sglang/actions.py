"""What can be done with a folder of SGLang: its build, its images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swaplab_core.domain.backend import BackendState
from swaplab_core.plugin import ActionSpec, Plan
from swaplab_core.plugin.backend_actions import BUILDER, CopyForm, ImageForm, action, build, lacks, plan, pull, unknown
from swaplab_sglang import images


def actions(state: BackendState) -> Sequence[ActionSpec]:
    """A build where the folder has a script, and pulling an image."""
    missing = lacks(state, BUILDER)
    return (
        action("build_sglang", "Build SGLang", CopyForm, icon="hammer", unavailable=missing, order=30),
        action("pull_sglang_image", "Pull an image", ImageForm, icon="download", order=34),
    )


def plan_of(action_id: str, form: Any, state: BackendState) -> Plan:
    """Say what an action runs."""
    match action_id:
        case "build_sglang":
            copy = ("-c",) if form.copy_to_nodes else ()
            return plan(state, build(state, "Build SGLang", "-t", "sglang-node", *copy))
        case "pull_sglang_image":
            return plan(state, pull(form.image or images.images(state).selected))
        case _:
            raise unknown(action_id, "SGLang")
