"""`metadata.recipe_ui` ↔ `RecipeSettings`. The keys are those of files that exist, so none may change its meaning.

Lists may be written as such or as one text: nodes with commas, arguments as a shell would split them. Nothing raises:
what does not fit keeps its default and is told as a misfit.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from attrs import define, field, frozen

from swaplab_core.domain.image import is_image
from swaplab_core.domain.recipe import Limits, Mode, RecipeSettings, whole

MACRO = re.compile(r"\$\{[A-Za-z0-9_.-]+\}")
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}")
_MODEL = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._:/@+-]{0,252}")
_UNFIT = re.compile(r"[\0\r\n]")


@frozen
class SettingMisfit:
    """A key whose value cannot be used, and why."""

    key: str
    message: str
    advice: str = ""


def is_node(text: str) -> bool:
    """Is this a host name, an address, the id of a node, or a macro that stands for some?"""
    return _NODE.fullmatch(text) is not None or MACRO.fullmatch(text) is not None


def is_model_id(text: str) -> bool:
    """Is this an id that fits into paths, YAML and command lines?"""
    return _MODEL.fullmatch(text) is not None and ".." not in text.split("/")


def split_nodes(written: object) -> tuple[str, ...]:
    """Read a comma list, or a list, of nodes; each once."""
    parts = written if isinstance(written, list | tuple) else str(written or "").split(",")
    return tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))


def split_args(written: object) -> tuple[str, ...]:
    """Read arguments: a list as it is, a text as a shell would split it. Raises ValueError."""
    if isinstance(written, list | tuple):
        return tuple(str(part) for part in written)
    return tuple(shlex.split(str(written))) if written else ()


def read_settings(written: Mapping[str, Any]) -> tuple[RecipeSettings, tuple[SettingMisfit, ...]]:
    """Read what stands below `recipe_ui`."""
    reader = _Reader(written)
    folder = reader.text("backend_dir")
    settings = RecipeSettings(
        recipe=reader.text("recipe_ref"),
        mode=reader.mode(),
        tensor_parallel=reader.count("tensor_parallel", 1, least=1),
        nodes=reader.nodes(),
        extra_args=reader.args("extra_args"),
        group=reader.text("group"),
        backend_dir=PurePosixPath(folder) if folder else None,
        hot_swap=reader.flag("hot_swap"),
        container_image=reader.image(),
        limits=Limits(
            reader.flag("non_privileged"),
            *(reader.count(key, 0) for key in ("mem_limit_gb", "mem_swap_limit_gb", "pids_limit", "shm_size_gb")),
        ),
        cache_policy=reader.flag("runtime_cache_policy_enabled"),
        extra_docker_args=reader.args("extra_docker_args"),
        managed=reader.flag("managed"),
    )
    return settings, tuple(reader.misfits)


def write_settings(settings: RecipeSettings) -> dict[str, Any]:
    """Return the keys below `recipe_ui`, all that are always written, in their order."""
    keys: dict[str, Any] = {
        "managed": settings.managed,
        "recipe_ref": settings.recipe,
        "backend_dir": str(settings.backend_dir or ""),
        "mode": settings.mode.value,
        "tensor_parallel": settings.tensor_parallel,
        "nodes": ",".join(settings.nodes),
        "extra_args": _args(settings.extra_args),
        "group": settings.group,
        "hot_swap": settings.hot_swap,
        "container_image": settings.container_image,
        "non_privileged": settings.limits.non_privileged,
        "mem_limit_gb": settings.limits.mem_limit_gb,
        "mem_swap_limit_gb": settings.limits.mem_swap_limit_gb,
        "pids_limit": settings.limits.pids_limit,
        "shm_size_gb": settings.limits.shm_size_gb,
    }
    if settings.extra_docker_args:
        keys["extra_docker_args"] = _args(settings.extra_docker_args)
    if settings.cache_policy:
        keys |= {"runtime_cache_policy_enabled": True, "runtime_cache_policy_version": 1}
    return keys


def _args(args: tuple[str, ...]) -> list[str] | str:
    """A macro alone stands for any number of arguments, so it is written as text, to be split when it is expanded."""
    return args[0] if len(args) == 1 and MACRO.fullmatch(args[0]) else list(args)


@define
class _Reader:
    written: Mapping[str, Any]
    misfits: list[SettingMisfit] = field(factory=list)

    def text(self, key: str) -> str:
        value = self.written.get(key)
        if isinstance(value, Mapping | list | tuple) or _UNFIT.search(str(value or "")):
            self._refuse(key, "must be text on one line")
            return ""
        return str(value or "").strip()

    def flag(self, key: str) -> bool:
        value = self.written.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        word = str(value).strip().lower()
        if word not in {"true", "false", "yes", "no", "on", "off", "1", "0"}:
            self._refuse(key, f"must be true or false, not {word!r}")
        return word in {"true", "yes", "on", "1"}

    def count(self, key: str, otherwise: int, *, least: int = 0) -> int:
        value = self.written.get(key)
        if value in (None, ""):
            return otherwise
        number = whole(value, -1)
        if number < least:
            self._refuse(key, f"must be a whole number from {least} on, not {value!r}")
            return otherwise
        return number

    def mode(self) -> Mode:
        word = self.text("mode").lower() or Mode.SOLO.value
        if word not in {mode.value for mode in Mode}:
            self._refuse("mode", f"must be solo or cluster, not {word!r}")
            return Mode.SOLO
        return Mode(word)

    def nodes(self) -> tuple[str, ...]:
        nodes = split_nodes(self.written.get("nodes"))
        for node in nodes:
            if not is_node(node):
                self._refuse("nodes", f"{node!r} is no host name or address")
        return tuple(node for node in nodes if is_node(node))

    def image(self) -> str:
        image = self.text("container_image")
        if image and not is_image(image) and not MACRO.search(image):
            self._refuse("container_image", f"{image!r} is no image reference", "write [registry/]name[:tag]")
            return ""
        return image

    def args(self, key: str) -> tuple[str, ...]:
        try:
            args = split_args(self.written.get(key))
        except ValueError as error:
            self._refuse(key, f"cannot be split into arguments: {error}", "close the quote, or write a list")
            return ()
        if any(_UNFIT.search(arg) for arg in args):
            self._refuse(key, "an argument holds a line break", "write it on one line")
            return ()
        return args

    def _refuse(self, key: str, message: str, advice: str = "") -> None:
        self.misfits.append(SettingMisfit(key, message, advice))
