"""Arguments out of the defaults of a recipe whose command is left to its runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swaplab_core.domain.recipe import RecipeValue


def flags_from(defaults: Mapping[str, RecipeValue], flags: Mapping[str, str]) -> Iterator[str]:
    """Yield `--flag value` for each default that has a flag; true is the bare flag, false and nothing are left out.

    A value that could pass for an option of its own is joined with `=`.
    """
    for key, flag in flags.items():
        value = defaults.get(key)
        if value is True:
            yield flag
        elif value not in (None, False, ""):
            yield from (f"{flag}={value}",) if str(value).startswith("-") else (flag, str(value))


def unmapped(defaults: Mapping[str, RecipeValue], *maps: Mapping[str, str]) -> tuple[str, ...]:
    """Return the defaults that none of the maps has a flag for."""
    known = {key for flags in maps for key in flags}
    return tuple(key for key in defaults if key not in known)
