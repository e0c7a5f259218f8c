"""Changes to a JSON body on its way to the upstream, compiled once per configuration.

Order: the model's name, then parameters removed, then parameters set, then those set for the requested name.
`model` itself, and what a path would make of it (`model.x`), is only ever changed by the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from swaplab_core.config.schema import Filters
from swaplab_core.routing.splice import remove, set_value, split_path

_MODEL = "model"

Setting = tuple[tuple[str, ...], Any]


@frozen
class BodyFilter:
    """What to do to a body, as paths already split."""

    strip: tuple[tuple[str, ...], ...] = ()
    set: tuple[Setting, ...] = ()
    set_by_name: Mapping[str, tuple[Setting, ...]] = field(factory=dict)

    def changes(self, requested: str) -> bool:
        """Whether there is anything to do, apart from the name, to a body that asks for `requested`."""
        return bool(self.strip or self.set or self.set_by_name.get(requested))

    def apply(self, body: bytes, *, model: str | None, requested: str) -> bytes:
        """Edit a valid JSON object. `model` None leaves the name; `requested` is the one after profile and selector."""
        if model is not None:
            body = set_value(body, (_MODEL,), model)
        for path in self.strip:
            body = remove(body, path)
        for path, value in (*self.set, *self.set_by_name.get(requested, ())):
            body = set_value(body, path, value)
        return body


def compile_filters(filters: Filters) -> BodyFilter:
    """Split the paths and drop what would touch `model`."""
    return BodyFilter(
        tuple(path for path in map(split_path, filters.strip_params) if path[0] != _MODEL),
        _settings(filters.set_params),
        {name: _settings(params) for name, params in filters.set_params_by_id.items()},
    )


def _settings(params: Mapping[str, Any]) -> tuple[Setting, ...]:
    settings = ((split_path(path), value) for path, value in sorted(params.items()))
    return tuple((path, value) for path, value in settings if path[0] != _MODEL)
