"""Model entries that use recipes, as values: read from the file as written, and written back with everything else kept.

Two generations are read: ours, whose launch is made from the settings, and older ones, whose `cmd` is a shell line
around a recipe runner. Writing makes the first of the second. Pure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from swaplab_core.domain.recipe import Mode, RecipeSettings, whole
from swaplab_core.domain.recipe_settings import read_settings, split_nodes, write_settings

DEFAULT_GROUP = "managed-recipes"
DOCKER_ARGS_MACRO = "${vllm_extra_docker_args}"

_RUNNER = re.compile(r"(?:\$\{recipe_runner\}|\S*run-recipe\.sh)\s+([^\s'\"]+)")
_TENSOR = re.compile(r"--tp[ =](\d+)")
_NODES = re.compile(r"\s(?:-n|--nodes)[ =](\S+)")
_GENERATED_PROXY = re.compile(r"http://[^/]+:\$\{PORT\}/?")
_UNFIT_FOR_GROUP = re.compile(r"[.:/\\ ]")


@frozen
class ManagedModel:
    """A model that uses a recipe. `entry` is what the file says of it, `group` the one that lists it."""

    id: str
    settings: RecipeSettings
    entry: Mapping[str, Any]
    group: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_legacy(self) -> bool:
        """Is it launched by a shell line?"""
        return bool(self.entry.get("cmd"))


def read_models(
    models: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Mapping[str, Any]]
) -> dict[str, ManagedModel]:
    """Return the models that use recipes, in the order of the file."""
    homes = {str(name): group for group, entry in groups.items() for name in _members(entry)}
    found = {name: _read(name, entry, homes.get(name, "")) for name, entry in models.items()}
    return {name: model for name, model in found.items() if model is not None}


def _members(group: object) -> Sequence[object]:
    members = group.get("members") if isinstance(group, Mapping) else None
    return members if isinstance(members, list | tuple) else ()


def _read(name: str, entry: Mapping[str, Any], group: str) -> ManagedModel | None:
    command = str(entry.get("cmd") or "")
    written = _recipe_ui(entry)
    runner = _RUNNER.search(command)
    if not written.get("managed") and runner is None:
        return None
    settings, misfits = read_settings(written)
    if runner is not None:
        settings = _completed(settings, written, command, runner[1])
    problems = tuple(f"{misfit.key}: {misfit.message}" for misfit in misfits)
    return ManagedModel(name, evolve(settings, group=settings.group or group or DEFAULT_GROUP), entry, group, problems)


def _completed(settings: RecipeSettings, written: Mapping[str, Any], command: str, ref: str) -> RecipeSettings:
    """Fill in from a shell line what the metadata does not say."""
    more: dict[str, Any] = {}
    if not settings.recipe:
        more["recipe"] = ref
    if "mode" not in written:
        more["mode"] = Mode.SOLO if "--solo" in command else Mode.CLUSTER
    if "tensor_parallel" not in written and (found := _TENSOR.search(command)):
        more["tensor_parallel"] = max(1, whole(found[1], 1))
    if "nodes" not in written and (found := _NODES.search(command)):
        more["nodes"] = split_nodes(found[1])
    return evolve(settings, **more)


def _recipe_ui(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = entry.get("metadata")
    written = metadata.get("recipe_ui") if isinstance(metadata, Mapping) else None
    return written if isinstance(written, Mapping) else {}


def uses(model: ManagedModel, ref: str, stem: str, names: Sequence[str]) -> bool:
    """Does a model use this recipe? References are compared without their suffix, then by the last part."""
    wanted = _plain(model.settings.recipe)
    return wanted in {_plain(name) for name in names} or wanted == _plain(ref) or wanted.rpartition("/")[2] == stem


def _plain(ref: str) -> str:
    return ref.removesuffix(".yaml").removesuffix(".yml").removesuffix(".ini")


@frozen
class Wanted:
    """How an entry shall be: None means that what the file says stays. `options` are keys of the backend's own."""

    backend: str
    settings: RecipeSettings
    name: str | None = None
    description: str | None = None
    aliases: tuple[str, ...] | None = None
    use_model_name: str | None = None
    unlisted: bool | None = None
    trust_remote_code: bool | None = None
    node: str = ""
    options: Mapping[str, Any] | None = None


def write_entry(old: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """Return the entry as it shall be; whatever is not managed here stays as it is."""
    entry = _without_shell_line(old)
    entry["backend"] = wanted.backend
    values = {
        "name": wanted.name,
        "description": wanted.description,
        "useModelName": wanted.use_model_name,
        "aliases": None if wanted.aliases is None else list(wanted.aliases),
        "unlisted": wanted.unlisted,
    }
    entry |= {key: value for key, value in values.items() if value is not None}
    entry.pop("node", None)
    if wanted.node:
        entry["node"] = wanted.node
    entry |= wanted.options or {}
    entry["metadata"] = _metadata(old, wanted)
    return entry


def _without_shell_line(old: Mapping[str, Any]) -> dict[str, Any]:
    """Drop what a shell line needed and a launch of ours does not: its address was the line's, too."""
    entry = dict(old)
    if not entry.get("cmd"):
        return entry
    for key in ("cmd", "cmdStop"):
        entry.pop(key, None)
    if _GENERATED_PROXY.fullmatch(str(entry.get("proxy") or "")):
        del entry["proxy"]
    return entry


def _metadata(old: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    metadata = dict(old["metadata"]) if isinstance(old.get("metadata"), Mapping) else {}
    known = dict(_recipe_ui(old))
    stale = {"extra_docker_args", "runtime_cache_policy_enabled", "runtime_cache_policy_version"}
    kept = {key: value for key, value in known.items() if key not in stale}
    metadata["recipe_ui"] = {**kept, **write_settings(wanted.settings)}
    if wanted.trust_remote_code is not None:
        benchy = metadata.get("benchy")
        metadata["benchy"] = {
            **(benchy if isinstance(benchy, Mapping) else {}),
            "trust_remote_code": wanted.trust_remote_code,
        }
    return metadata


def group_of_node(node: str) -> str:
    """Return the group of models that are pinned to a node: they do not swap with those of other nodes."""
    return f"{DEFAULT_GROUP}-{_UNFIT_FOR_GROUP.sub('-', node)}"


def is_family(group: str) -> bool:
    """Is this one of the groups that are kept here by default?"""
    return group in {"", DEFAULT_GROUP} or group.startswith(f"{DEFAULT_GROUP}-")


def args_text(args: tuple[str, ...]) -> str:
    """Write arguments as one text, the way a shell would need them."""
    return args[0] if len(args) == 1 and args[0].startswith("${") else shlex.join(args)
