"""Backend folders as facts, for tests that need no folder on disk."""

from __future__ import annotations

from pathlib import PurePosixPath

from swaplab_core.domain.backend import FolderFacts
from swaplab_core.testing.recipe_kit.folders import COMMON_FLAGS, NEWER_FLAGS

RUNNER_FILES = frozenset({"run-recipe.sh", "run-recipe.py", "launch-cluster.sh", "build-and-copy.sh"})
GEN1, GEN2 = COMMON_FLAGS, (*COMMON_FLAGS, *NEWER_FLAGS)
"""The flags of the two generations of the runner."""


def folder_facts(
    name: str,
    *,
    flags: tuple[str, ...] = GEN2,
    runtimes: frozenset[str] = frozenset(),
    files: frozenset[str] = RUNNER_FILES,
    below: frozenset[str] = frozenset(),
) -> FolderFacts:
    """Describe a folder whose runner knows `flags` and whose recipes use `runtimes`."""
    return FolderFacts(
        path=PurePosixPath("/lab/backend") / name,
        files=files,
        folders=frozenset({"recipes"}),
        below=below,
        executables=files,
        texts={"run-recipe.py": "\n".join(f'"{flag}"' for flag in flags)},
        runtimes=runtimes,
    )
