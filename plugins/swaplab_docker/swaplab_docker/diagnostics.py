"""Checks: is there an engine, can it use the GPUs, has it room, does something lie around."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from swaplab_core.domain.errors import SwaplabError
from swaplab_core.plugin import Diagnostic, Finding, Health
from swaplab_docker.facts import EngineInfo
from swaplab_docker.keeper import may_use_containers
from swaplab_docker.layers import size
from swaplab_docker.live import Live
from swaplab_docker.ownership import owned

LEAST_FREE_BYTES = 10 * 10**9
LEAST_FREE_SHARE = 0.05


def diagnostics(live: Callable[[], Live], find_program: Callable[[str], str | None]) -> Iterable[Diagnostic]:
    """The checks."""

    async def engine() -> Iterable[Finding]:
        known = live()
        try:
            info = await (await known.engine()).info()
        except SwaplabError as error:
            return [without(error, known.lab.config.models())]
        return [*reached(info, (await known.engine()).place.url, find_program), *await asyncio.to_thread(room, info)]

    async def containers() -> Iterable[Finding]:
        known = live()
        try:
            found, models = await asyncio.gather(known.look(), known.models())
        except SwaplabError:
            return [Finding(Health.OK, "without an engine there are none")]
        up = {model: state != "stopped" for model, state in models.items()}
        owners = [owned(one, known.lab.instance, up) for one in found.containers]
        left = [one.container.name for one in owners if one.is_leftover]
        if left:
            advice = "stop them: “Stop what was left behind” on the page Containers"
            return [Finding(Health.WARNING, f"left behind by models: {', '.join(left)}", advice, "docker:clear")]
        return [Finding(Health.OK, f"{len(owners)} containers, none of them left behind by a model")]

    return [Diagnostic("engine", "Container engine", engine), Diagnostic("containers", "Containers", containers)]


def without(error: SwaplabError, entries: Mapping[str, Mapping[str, Any]]) -> Finding:
    """No engine: bad where models need one."""
    needs = [model for model, entry in entries.items() if may_use_containers(entry)]
    if not needs:
        return Finding(Health.OK, f"{error.message}; no model needs one", error.advice)
    return Finding(Health.ERROR, f"{error.message}, and these models may need one: {', '.join(needs)}", error.advice)


def reached(info: EngineInfo, url: str, find_program: Callable[[str], str | None]) -> Iterable[Finding]:
    """The engine, its command line, and whether it can use NVIDIA's GPUs where there are some."""
    yield Finding(Health.OK, f"{info.name} {info.version} at {url} (API {info.api}, {info.storage})")
    program = info.name.lower()
    if find_program(program) is None:
        yield Finding(
            Health.WARNING,
            f"the program {program} was not found, and models are started with it",
            f"install the command line of {info.name}",
        )
    if find_program("nvidia-smi") is None:
        return
    if "nvidia" in info.runtimes or any("nvidia" in device for device in info.devices):
        yield Finding(Health.OK, "containers can use the NVIDIA GPUs")
    else:
        yield Finding(
            Health.WARNING,
            "containers cannot use the NVIDIA GPUs: the engine knows no nvidia runtime and no such device",
            "install the NVIDIA Container Toolkit, then: nvidia-ctk runtime configure, and restart the engine",
        )


def room(info: EngineInfo) -> Iterable[Finding]:
    """How much is free where images are kept. Blocks."""
    try:
        usage = shutil.disk_usage(Path(info.root)) if info.root else None
    except OSError:
        usage = None
    if usage is None:
        return []
    told = f"{size(usage.free)} of {size(usage.total)} are free for images in {info.root}"
    if usage.free < LEAST_FREE_BYTES or usage.free < usage.total * LEAST_FREE_SHARE:
        return [
            Finding(Health.WARNING, told, "remove images that nobody uses, the dangling ones first", "docker:prune")
        ]
    return [Finding(Health.OK, told)]
