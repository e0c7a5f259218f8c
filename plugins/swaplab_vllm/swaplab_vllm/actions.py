"""What can be done with a folder of vLLM: builds, images, a look at its configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from attrs import frozen

from swaplab_core.domain.backend import BackendState
from swaplab_core.plugin import ActionSpec, Plan, form_field
from swaplab_core.plugin.backend_actions import (
    BUILD_SECONDS,
    BUILDER,
    GIT_SECONDS,
    CopyForm,
    ImageForm,
    action,
    build,
    check_word,
    lacks,
    plan,
    pull,
    read_build,
    run_in,
    unknown,
)
from swaplab_vllm import images


@frozen
class BuildForm(CopyForm):
    """How vLLM is built from source."""

    tag: str = form_field("Tag", "vllm-node", help="name of the image that is built", cli="-t")
    gpu_arch: Literal["", "12.1a", "12.0f"] = form_field(
        "GPU architecture", "", help="left out: as the script does it", cli="--gpu-arch", advanced=True
    )
    vllm_ref: str = form_field("vLLM version", "", help="a branch, tag or commit of vLLM", cli="--vllm-ref")
    prs: tuple[int, ...] = form_field("Pull requests", (), help="applied to vLLM before the build", advanced=True)
    jobs: int = form_field("Compile jobs", 16, minimum=1, maximum=256, cli="-j", advanced=True)
    wheels: bool = form_field("Use ready wheels", False, cli="--use-wheels", advanced=True)


@frozen
class RecipeForm:
    """Which recipe's image."""

    recipe: str = form_field("Recipe", help="path below recipes/")
    force: bool = form_field("Build again", False, help="even if the image is there", cli="--force-build")


def actions(state: BackendState) -> Sequence[ActionSpec]:
    """The builds of the folder's script, or NVIDIA's image where the folder is about that."""
    missing = lacks(state, BUILDER)
    if images.is_nvidia(state):
        return (
            action("pull_nvidia_image", "Pull NVIDIA's image", ImageForm, icon="download", order=30),
            action("update_nvidia_image", "Update NVIDIA's image", ImageForm, icon="refresh-cw", order=31),
        )
    return (
        action("build_vllm", "Build vLLM", BuildForm, icon="hammer", unavailable=missing, order=30),
        action("build_mxfp4", "Build vLLM with MXFP4", CopyForm, icon="hammer", unavailable=missing, order=31),
        action("build_vllm_12_0f", "Build vLLM for 12.0f", CopyForm, icon="hammer", unavailable=missing, order=32),
        action("build_from_recipe", "Build a recipe's image", RecipeForm, icon="hammer", order=33),
        action("pull_vllm_image", "Pull an image", ImageForm, icon="download", order=34),
        action("show_vllm_env", "Show the folder's configuration", icon="list-checks", order=90),
    )


def plan_of(action_id: str, form: Any, state: BackendState) -> Plan:
    """Say what an action runs."""
    match action_id:
        case "build_vllm":
            return plan(state, build(state, "Build vLLM", *_build_words(form)))
        case "build_mxfp4":
            return plan(state, build(state, "Build vLLM", "-t", "vllm-node-mxfp4", "--exp-mxfp4", *_copy(form)))
        case "build_vllm_12_0f":
            words = ("-t", "vllm-node-12.0f", "--gpu-arch", "12.0f")
            return plan(state, build(state, "Build vLLM", *words, *_copy(form)))
        case "build_from_recipe":
            return plan(state, _from_recipe(form, state))
        case "pull_vllm_image" | "pull_nvidia_image" | "update_nvidia_image":
            return plan(state, pull(form.image or images.images(state).selected))
        case "show_vllm_env":
            return plan(state, run_in(state, "Show", ("./run-recipe.sh", "--show-env"), GIT_SECONDS))
        case _:
            raise unknown(action_id, "vLLM")


def _copy(form: CopyForm) -> tuple[str, ...]:
    return ("-c",) if form.copy_to_nodes else ()


def _build_words(form: BuildForm) -> Iterator[str]:
    yield from ("-t", check_word(form.tag, "tag"))
    if form.wheels:
        yield "--use-wheels"
    if form.gpu_arch:
        yield from ("--gpu-arch", form.gpu_arch)
    if form.vllm_ref:
        yield from ("--vllm-ref", check_word(form.vllm_ref, "version"))
    for number in form.prs:
        yield from ("--apply-vllm-pr", str(number))
    if form.jobs != BuildForm().jobs:
        yield from ("-j", str(form.jobs))
    yield from _copy(form)


def _from_recipe(form: RecipeForm, state: BackendState) -> Any:
    recipe = check_word(form.recipe.removeprefix("recipes/"), "recipe")
    argv = ("./run-recipe.sh", f"recipes/{recipe}", "--build-only", *(("--force-build",) if form.force else ()))
    return run_in(state, f"Build the image of {recipe}", argv, BUILD_SECONDS, reads_progress=read_build)
