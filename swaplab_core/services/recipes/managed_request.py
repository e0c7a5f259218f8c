"""What a request to create or change a managed model asks for. Pure: JSON in, a value or InvalidRequest out.

A field that is left out keeps what the entry has; on a new entry it takes the recipe's default. An explicit empty value
clears.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from swaplab_core.domain.errors import InvalidForm, InvalidRequest
from swaplab_core.domain.recipe import Limits, Mode, Recipe, RecipeSettings
from swaplab_core.domain.recipe_settings import SettingMisfit, is_model_id, read_settings, split_args

KEYS: Mapping[str, str] = {
    "mode": "mode",
    "tensorParallel": "tensor_parallel",
    "nodes": "nodes",
    "extraArgs": "extra_args",
    "group": "group",
    "hotSwap": "hot_swap",
    "containerImage": "container_image",
    "nonPrivileged": "non_privileged",
    "memLimitGb": "mem_limit_gb",
    "memSwapLimitGb": "mem_swap_limit_gb",
    "pidsLimit": "pids_limit",
    "shmSizeGb": "shm_size_gb",
    "extraDockerArgs": "extra_docker_args",
}
"""Fields of the API by their key below `recipe_ui`."""


@frozen
class ModelRequest:
    """A checked request; `given` are the fields that it has."""

    model: str
    given: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        """Return a text field, trimmed; None when it is left out."""
        value = self.given.get(key)
        if value is None:
            return None
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise InvalidRequest(f'"{key}" must be a text')
        return str(value).strip()

    def flag(self, key: str) -> bool | None:
        """Return a yes or no, also as a number or a word; None when it is left out."""
        value = self.given.get(key)
        return None if value is None else any_bool(value, key)

    def aliases(self) -> tuple[str, ...] | None:
        """Return the other names: trimmed, each once, sorted."""
        value = self.given.get("aliases")
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InvalidRequest('"aliases" must be a list of texts')
        return tuple(sorted({item.strip() for item in value} - {""}))

    def options(self) -> Mapping[str, Any] | None:
        """Return the keys of the backend's own."""
        value = self.given.get("options")
        if value is not None and not isinstance(value, Mapping):
            raise InvalidRequest('"options" must be an object')
        return value


def read_request(data: Mapping[str, Any]) -> ModelRequest:
    """Check the names. Raises InvalidRequest."""
    model = data.get("modelId")
    if not isinstance(model, str) or not model.strip():
        raise InvalidForm([("/modelId", "must be filled in")])
    if not is_model_id(model.strip()):
        raise InvalidForm([("/modelId", f"{model.strip()!r} cannot be used: use letters, digits and . _ - : / @ +")])
    return ModelRequest(model.strip(), dict(data))


def any_bool(value: object, key: str) -> bool:
    """Read what clients send for a yes or no."""
    if isinstance(value, bool | int | float):
        return bool(value)
    word = str(value).strip().lower()
    if word in {"1", "t", "true", "yes", "on"}:
        return True
    if word in {"", "0", "f", "false", "no", "off"}:
        return False
    raise InvalidRequest(f'"{key}" must be true or false, not {value!r}')


def settings_for(request: ModelRequest, recipe: Recipe, ref: str, before: RecipeSettings | None) -> RecipeSettings:
    """Return the settings that a request asks for, over those of the entry or the recipe's defaults."""
    base = evolve(before, recipe=ref) if before is not None else _defaults(recipe, ref)
    given = {key: request.given[name] for name, key in KEYS.items() if name in request.given}
    if before is None and given.get("extra_args", "") == "":
        given.pop("extra_args", None)
    cleared = {key: value for key, value in given.items() if value is not None}
    wanted, misfits = read_settings({"recipe_ref": ref, **cleared})
    if misfits:
        raise InvalidForm([(f"/{_name(misfit.key)}", _said(misfit)) for misfit in misfits])
    limits = {key: getattr(wanted.limits, key) for key in given if hasattr(base.limits, key)}
    plain = {key: getattr(wanted, key) for key in given if hasattr(base, key) and key not in _REQUIRED}
    required = {key: getattr(wanted, key) for key in _REQUIRED if given.get(key) not in (None, "")}
    return evolve(base, **plain, **required, limits=evolve(base.limits, **limits), managed=True)


def _name(key: str) -> str:
    return next((name for name, known in KEYS.items() if known == key), key)


def _said(misfit: SettingMisfit) -> str:
    return f"{misfit.message} ({misfit.advice})" if misfit.advice else misfit.message


_REQUIRED = ("mode", "tensor_parallel", "group")
"""Settings that cannot be empty: an empty value asks for what is there."""


def _defaults(recipe: Recipe, ref: str) -> RecipeSettings:
    several = recipe.cluster_only or recipe.min_nodes > 1 or (recipe.tensor_parallel > 1 and not recipe.solo_only)
    try:
        args = split_args(recipe.extra_args)
    except ValueError as error:
        raise InvalidRequest(f"extra_args of the recipe cannot be split into arguments: {error}") from None
    mode = Mode.CLUSTER if several else Mode.SOLO
    return RecipeSettings(ref, mode=mode, tensor_parallel=recipe.tensor_parallel, extra_args=args, limits=Limits())
