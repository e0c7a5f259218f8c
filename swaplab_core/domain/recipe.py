"""Recipes: files that say how a backend launches a model, and the settings with which a model entry uses one.

A recipe is read by the parser of its format; what the parser makes of it is the same value for every format.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NewType

from attrs import field, frozen

from swaplab_core.domain.problem import Problem, Severity

BackendId = NewType("BackendId", str)
"""Names one backend folder: its last part, or the whole path where two folders share that."""

NOWHERE = BackendId("")
"""The backend of a recipe that names none we know."""

RecipeValue = str | int | float | bool | None
"""A scalar as the runner sees it: its YAML is Python's."""


@frozen(order=True)
class RecipeId:
    """Which recipe: the backend that launches it, and its path below that backend's (or the user's) folder."""

    backend: BackendId
    path: PurePosixPath

    def __str__(self) -> str:
        """Write it as people and the API do: `spark-vllm-docker:3x-nodes/big.yaml`."""
        return f"{self.backend}:{self.path}"

    @property
    def stem(self) -> str:
        """The name of the file without its suffix."""
        return self.path.stem

    @property
    def ref(self) -> str:
        """The path without its suffix."""
        return str(self.path.with_suffix(""))


@frozen
class Recipe:
    """What a recipe file says.

    `format` is the name of its parser. `command` is a template as written; `placeholders` are the names in it. `extra`
    holds the keys that the format does not define, as plain values. `container` is an image, never a container's name.
    `backend`, `runtime` and `ref` are hints that a file may give: which folder, which engine, which name of its own.
    `serves` are the models of a recipe that starts one server for several, by the names that clients use.
    """

    format: str
    name: str
    description: str = ""
    model: str = ""
    revision: str = ""
    runtime: str = ""
    backend: str = ""
    ref: str = ""
    container: str = ""
    command: str = ""
    placeholders: tuple[str, ...] = ()
    defaults: Mapping[str, RecipeValue] = field(factory=dict)
    env: Mapping[str, str] = field(factory=dict)
    mods: tuple[str, ...] = ()
    build_args: tuple[str, ...] = ()
    solo_only: bool = False
    cluster_only: bool = False
    min_nodes: int = 0
    max_nodes: int = 0
    serves: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(factory=dict)

    @property
    def engine(self) -> str:
        """The program that serves, from the first words of the command; "" when there is no command."""
        words = self.command.split(None, 3)
        if len(words) > 2 and words[0].startswith("python") and words[1] == "-m":
            return words[2]
        return words[0] if words else ""

    @property
    def tensor_parallel(self) -> int:
        """The default of `tensor_parallel`, at least 1."""
        return max(1, whole(self.defaults.get("tensor_parallel"), 1))

    @property
    def extra_args(self) -> str:
        """The default arguments for the engine, which some recipes carry."""
        return str(self.defaults.get("extra_args", self.defaults.get("extraArgs", "")) or "")


@frozen
class RecipeReading:
    """What came of reading one recipe: None when there is an error, and all problems in any case."""

    recipe: Recipe | None
    problems: tuple[Problem, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Is there a recipe, and no error?"""
        return self.recipe is not None and not any(p.severity is Severity.ERROR for p in self.problems)


@frozen
class CachedWeights:
    """Weights that are in the model cache of this machine: the repository, and what an engine would load of it.

    `format` is `gguf` or `safetensors`. Of GGUF `file` is the first part, below the snapshot, and `path` the whole path
    of it. `context` is how many tokens the model was made for, 0 when that is not known.
    """

    model: str
    format: str
    file: str = ""
    path: str = ""
    context: int = 0


class Mode(enum.Enum):
    """SOLO: one machine, whole. CLUSTER: one model over several nodes."""

    SOLO = "solo"
    CLUSTER = "cluster"


@frozen
class Limits:
    """Limits of an unprivileged container; 0 leaves one to the runner."""

    non_privileged: bool = False
    mem_limit_gb: int = 0
    mem_swap_limit_gb: int = 0
    pids_limit: int = 0
    shm_size_gb: int = 0


@frozen
class RecipeSettings:
    """How a model entry uses its recipe: what stands below `metadata.recipe_ui`.

    `recipe` is the reference as written; `backend_dir` the folder whose recipe it is, None in entries that do not say.
    `container_image` "" means the recipe's own. `cache_policy` keeps compile caches of the engine over restarts.
    """

    recipe: str
    mode: Mode = Mode.SOLO
    tensor_parallel: int = 1
    nodes: tuple[str, ...] = ()
    extra_args: tuple[str, ...] = ()
    group: str = ""
    backend_dir: PurePosixPath | None = None
    hot_swap: bool = False
    container_image: str = ""
    limits: Limits = Limits()
    cache_policy: bool = False
    extra_docker_args: tuple[str, ...] = ()
    managed: bool = True


def whole(value: object, otherwise: int) -> int:
    """Return a whole number that a person wrote, also in quotes; `otherwise` when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return otherwise
    try:
        return int(value)
    except (ValueError, OverflowError):
        return otherwise
