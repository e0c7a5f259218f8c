"""What a person fills in to make, change or delete a model of a recipe: forms, and the requests they mean."""

from __future__ import annotations

from typing import Any, Literal

from attrs import evolve, frozen

from swaplab_core.domain.recipe_settings import split_args
from swaplab_core.plugin.forms import Options, form_field

_IMAGES = Options("api/recipes/containers", free=True)
_NODES = Options("api/nodes", value="id", label="title")
_CLUSTER = "for a cluster: with commas, the head first; one node: it runs there"
_LIMITS = "Limits of an unprivileged container"


@frozen
class ModelForm:
    """A model that is made of a recipe; what is left empty follows the recipe."""

    model_id: str = form_field("Model", help="the name that clients use")
    mode: Literal["", "solo", "cluster"] = form_field("Mode", "", help="empty: as the recipe wants it", cli="--solo")
    nodes: tuple[str, ...] = form_field(
        "Nodes",
        (),
        help="one: it runs there; several: as a cluster, the head first",
        widget="nodes",
        options=_NODES,
        cli="-n",
    )
    tensor_parallel: int = form_field("Tensor parallel", 0, minimum=0, help="0: as the recipe says", cli="--tp")
    hot_swap: bool = form_field(
        "Hot swap", False, help="in a cluster: change the model and keep the containers", show_if={"/mode": "cluster"}
    )
    container_image: str = form_field(
        "Image", "", help="another one than the recipe's", widget="image", options=_IMAGES, advanced=True, cli="-t"
    )
    extra_args: str = form_field(
        "More arguments", "", help="for the engine, as a shell would split them", advanced=True
    )
    group: str = form_field("Group", "", help="models of one group run one at a time", advanced=True)

    def request(self, recipe: str) -> dict[str, Any]:
        """Write it as the body of POST /api/recipes/models; empty fields are left out."""
        named = {
            "modelId": self.model_id, "mode": self.mode, "nodes": ",".join(self.nodes), "group": self.group,
            "tensorParallel": self.tensor_parallel, "containerImage": self.container_image,
            "extraArgs": list(split_args(self.extra_args)), "hotSwap": self.hot_swap,
        }  # fmt: skip
        return {"recipeRef": recipe, **{key: value for key, value in named.items() if value}}


@frozen
class ChangeForm:
    """A managed model as it is; every field is written back."""

    recipe_ref: str = form_field(
        "Recipe", widget="recipe", options=Options("api/recipes/table", value="identity", label="identity", free=True)
    )
    name: str = form_field("Name", "")
    description: str = form_field("Description", "")
    aliases: tuple[str, ...] = form_field("Other names", ())
    use_model_name: str = form_field("Name that the engine is asked for", "")
    mode: Literal["solo", "cluster"] = form_field("Mode", "solo")
    nodes: str = form_field("Nodes", "", help=_CLUSTER, options=evolve(_NODES, free=True))
    tensor_parallel: int = form_field("Tensor parallel", 1, minimum=1)
    hot_swap: bool = form_field(
        "Hot swap", False, help="in a cluster: change the model and keep the containers", show_if={"/mode": "cluster"}
    )
    container_image: str = form_field("Image", "", help="empty: the recipe's", widget="image", options=_IMAGES)
    extra_args_list: tuple[str, ...] = form_field("More arguments", (), help="one in each line", widget="args")
    group: str = form_field("Group", "", help="models of one group run one at a time")
    unlisted: bool = form_field("Leave it out of lists", False)
    non_privileged: bool = form_field("Without privileges", False, group=_LIMITS, advanced=True)
    mem_limit_gb: int = form_field("Memory", 0, minimum=0, group=_LIMITS, advanced=True, key="memLimitGb")
    mem_swap_limit_gb: int = form_field(
        "Memory and swap", 0, minimum=0, group=_LIMITS, advanced=True, key="memSwapLimitGb"
    )
    pids_limit: int = form_field("Processes", 0, minimum=0, group=_LIMITS, advanced=True)
    shm_size_gb: int = form_field("Shared memory", 0, minimum=0, group=_LIMITS, advanced=True, key="shmSizeGb")

    def request(self, model: str) -> dict[str, Any]:
        """Write it as the body of POST /api/recipes/models."""
        return {
            "modelId": model, "recipeRef": self.recipe_ref, "name": self.name, "description": self.description,
            "aliases": list(self.aliases), "useModelName": self.use_model_name, "mode": self.mode, "nodes": self.nodes,
            "tensorParallel": self.tensor_parallel, "hotSwap": self.hot_swap, "containerImage": self.container_image,
            "extraArgs": list(self.extra_args_list), "group": self.group, "unlisted": self.unlisted,
            "nonPrivileged": self.non_privileged, "memLimitGb": self.mem_limit_gb,
            "memSwapLimitGb": self.mem_swap_limit_gb, "pidsLimit": self.pids_limit, "shmSizeGb": self.shm_size_gb,
        }  # fmt: skip


@frozen
class DeleteRecipeForm:
    """What goes with a recipe."""

    purge: bool = form_field("Delete the models that are made of it, too", False)


@frozen
class DeleteModelForm:
    """What goes with a model."""

    cascade: bool = form_field("Delete its recipe and every model made of it, too", False)
