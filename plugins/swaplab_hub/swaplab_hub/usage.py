"""Who uses a model: entries of the configuration and recipes that name it. Pure.

It errs on the side of using: what names a repository anywhere in its entry uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from swaplab_hub import names
from swaplab_hub.scan import Repo

UP = frozenset({"queued", "preparing", "starting", "ready", "stopping", "asleep", "waking", "loading", "sleeping"})


@frozen
class Uses:
    """Who uses a repository; `up` are the models whose engine is there now."""

    models: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    up: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Does anybody?"""
        return bool(self.models or self.recipes)

    def __str__(self) -> str:
        """For people."""
        parts = [f"model {name}" for name in self.models] + [f"recipe {name}" for name in self.recipes]
        return ", ".join(parts)


@frozen
class Known:
    """What the server says of models and recipes, see `model_hub`."""

    entries: Mapping[str, Mapping[str, Any]]
    recipes: Sequence[Mapping[str, Any]] = ()
    up: frozenset[str] = frozenset()


def uses_of(repo: Repo, known: Known) -> Uses:
    """Find them."""
    recipes = [r for r in known.recipes if _is_named(repo, (str(r.get("model") or ""),))]
    users = {str(user) for recipe in recipes for user in recipe.get("usedBy") or ()}
    users |= {name for name, entry in known.entries.items() if _is_named(repo, (name, *_texts(entry)))}
    titles = tuple(sorted(str(recipe.get("identity") or recipe.get("id")) for recipe in recipes))
    return Uses(tuple(sorted(users)), titles, tuple(sorted(users & known.up)))


def managed_entry(repo: Repo, entries: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    """The model that was made of a recipe for this repository, and that recipe's reference, as older clients see it."""
    wanted = {repo.id.lower(), repo.folder.lower()}
    for name, entry in sorted(entries.items()):
        metadata = entry.get("metadata")
        ours = metadata.get("recipe_ui") if isinstance(metadata, Mapping) else None
        reference = str(ours.get("recipe_ref") or "") if isinstance(ours, Mapping) else ""
        called = {str(entry.get("useModelName") or "").lower(), name.lower()}
        if reference and called & wanted:
            return name, reference
    return None


def _is_named(repo: Repo, texts: Sequence[str]) -> bool:
    """The name must stand by itself: `org/model` is not used by what names `org/model-2`."""
    wanted = [re.escape(name) for name in (repo.id, repo.folder, names.folder_of(repo.id))]
    pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(wanted)})(?![\w-]|\.\w)", re.IGNORECASE)
    return any(pattern.search(text) for text in texts)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for item in value.values():
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
        case _:
            return
