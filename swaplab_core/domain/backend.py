"""Backend folders: checkouts that hold a runner and recipes, as facts that drivers judge, and what drivers say of them.

The core reads the folder, once per change; drivers see only these values.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import PurePosixPath

from attrs import field, frozen

from swaplab_core.domain.recipe import BackendId, Recipe

RUNNER = "run-recipe.sh"
RECIPES = "recipes"


class Confidence(enum.IntEnum):
    """How sure a driver is that a folder, a recipe or a text is its own."""

    NO = 0
    GUESS = 10
    NAME = 20
    CONTENT = 30
    CERTAIN = 40


@frozen
class GitFacts:
    """The checkout, as far as `.git` tells without running git: origin's URL and what HEAD points at."""

    origin: str = ""
    branch: str = ""
    commit: str = ""


@frozen
class FolderFacts:
    """What stands in a folder. `files` and `folders` are names at its top, `below` the paths one level deeper.

    `executables` are those of `files` that may be run, `texts` the scripts among them by name.

    `runtimes` are the words that its recipes use for their engine (`runtime:`, and the program of their command).
    `tags` are those of checkouts inside the folder, by the checkout's name. `stamp` changes when a script does.
    """

    path: PurePosixPath
    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    below: frozenset[str] = frozenset()
    executables: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(factory=dict)
    runtimes: frozenset[str] = frozenset()
    git: GitFacts | None = None
    tags: Mapping[str, tuple[str, ...]] = field(factory=dict)
    stamp: str = ""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    @property
    def is_valid(self) -> bool:
        """Does it hold a runner and recipes?"""
        return RUNNER in self.files and RECIPES in self.folders

    @property
    def missing(self) -> tuple[str, ...]:
        """What it lacks to be valid, in words."""
        lacks_runner = () if RUNNER in self.files else (RUNNER,)
        return lacks_runner if RECIPES in self.folders else (*lacks_runner, f"{RECIPES}/")


@frozen
class ImageChoice:
    """The container image that a backend's actions and new models use, and what there is to choose from.

    `available` is in the order of preference. `latest` is the newest one known, "" when nobody could be asked;
    `warning` says what could not be found out.
    """

    selected: str = ""
    default: str = ""
    available: tuple[str, ...] = ()
    latest: str = ""
    update_available: bool = False
    warning: str = ""


@frozen
class BackendState:
    """One backend folder as its driver is asked about it. `driver` is "" when no driver recognises the folder.

    `recipes` are those that can be read. `local_images` are what the container engine has, `environment` the variables
    of the daemon that begin with `LLAMA_SWAP_`. `chosen_image` is what a person chose last, "" for nothing.
    `remote_tags` are the tags of repositories as far as a registry has been asked.
    """

    id: BackendId
    facts: FolderFacts
    driver: str = ""
    recipes: tuple[Recipe, ...] = ()
    local_images: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(factory=dict)
    chosen_image: str = ""
    remote_tags: Mapping[str, tuple[str, ...]] = field(factory=dict)

    @property
    def folder(self) -> PurePosixPath:
        """Where it is."""
        return self.facts.path
