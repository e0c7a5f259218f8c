"""Whether the file of the activity can be where the configuration wants it: seen at once, not at the first request."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from attrs import evolve

from swaplab_core.config.load import Loaded


def check_store_place(loaded: Loaded) -> Loaded:
    """Add a problem when `store.path` cannot be written; such a configuration cannot be used."""
    store = loaded.config.store if loaded.config else None
    if store is None or not store.path or not (reason := why_unwritable(Path(store.path))):
        return loaded
    problem = loaded.place("store", "path").problem(reason, "name a file in a folder that exists and can be written")
    return evolve(loaded, config=None, problems=(*loaded.problems, problem))


def why_unwritable(file: Path, may_write: Callable[[Path], bool] = lambda path: os.access(path, os.W_OK)) -> str:
    """What speaks against a database there; "" when nothing does."""
    if file.is_dir():
        return f"'{file}' is a folder"
    if file.exists():
        return "" if may_write(file) else f"'{file}' cannot be written"
    folder = file.parent
    if not folder.is_dir():
        return f"there is no folder '{folder}'"
    return "" if may_write(folder) else f"nothing can be written into the folder '{folder}'"
