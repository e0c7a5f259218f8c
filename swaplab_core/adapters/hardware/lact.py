"""GPUs as LACT's daemon tells: lines of JSON over a unix socket. The first source, since it knows every vendor's."""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define, frozen

from swaplab_core.adapters.hardware.polling import SourceFailed, poll
from swaplab_core.domain.performance import GpuSample
from swaplab_core.ports import Clock

TIMEOUT_SECONDS = 5.0
LINE_BYTES = 2**20
FULL_FAN = 255
TEMPERATURES = ("edge", "junction", "GPU")
MEMORY_TEMPERATURES = ("mem", "VRAM")
"""AMD's word and NVIDIA's."""


def socket_paths() -> tuple[Path, ...]:
    """Where the socket may be."""
    named = os.environ.get("LACT_DAEMON_SOCKET_PATH")
    usual = (Path("/run/lactd.sock"), Path(f"/run/user/{os.getuid()}/lactd.sock"))
    return (Path(named), *usual) if named else usual


@define(eq=False)
class LactSource:
    """One connection for each look, so that a daemon that was restarted is found again."""

    clock: Clock
    paths: Callable[[], Sequence[Path]] = socket_paths
    timeout_seconds: float = TIMEOUT_SECONDS
    name: str = "LACT"

    async def run(self, every_seconds: float, report: Callable[[Sequence[GpuSample]], None]) -> str:
        """Report until cancelled; answers why it cannot go on."""
        return await poll(self.clock, every_seconds, self._read, report)

    async def _read(self) -> Sequence[GpuSample]:
        path = next((path for path in self.paths() if path.exists()), None)
        if path is None:
            raise SourceFailed("there is no socket of LACT")
        try:
            async with asyncio.timeout(self.timeout_seconds):
                samples = await _ask(path)
        except TimeoutError:
            raise SourceFailed(f"LACT did not answer within {self.timeout_seconds:g} s") from None
        except (OSError, ValueError) as error:
            raise SourceFailed(f"LACT at {path}: {error}") from error
        if not samples:
            raise SourceFailed("LACT knows no GPU with memory of its own")
        return samples


async def _ask(path: Path) -> Sequence[GpuSample]:
    """Look at every device. Raises OSError, and ValueError for an answer that makes no sense."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_BYTES)
    connection = _Connection(reader, writer)
    try:
        devices = as_devices(await connection.ask({"command": "list_devices"}))
        answers = [
            (device, await connection.ask({"command": "device_stats", "args": {"id": device.id}})) for device in devices
        ]
    finally:
        writer.close()
    return as_samples(answers, datetime.now(UTC))


@frozen
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: Mapping[str, Any]) -> Any:
        """Answer the data of one response, None when LACT refused."""
        self.writer.write(json.dumps(request).encode() + b"\n")
        await self.writer.drain()
        response = json.loads(await self.reader.readline())
        is_good = isinstance(response, dict) and response.get("status") == "ok"
        return response.get("data") if is_good else None


@frozen
class Device:
    """A GPU as LACT lists it."""

    index: int
    id: str
    name: str


def as_devices(data: Any) -> tuple[Device, ...]:
    """Read the answer to `list_devices`; entries without an id are left out."""
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    return tuple(
        Device(index, str(entry["id"]), str(entry.get("name") or entry["id"]))
        for index, entry in enumerate(entries)
        if entry.get("id")
    )


def as_samples(answers: Iterable[tuple[Device, Any]], taken_at: datetime) -> tuple[GpuSample, ...]:
    """Read the answers to `device_stats`; a device without memory of its own is no GPU one computes on."""
    samples = (_sample(device, stats, taken_at) for device, stats in answers if isinstance(stats, dict))
    return tuple(sample for sample in samples if sample.memory_total_bytes)


def _sample(device: Device, stats: Mapping[str, Any], taken_at: datetime) -> GpuSample:
    memory, power, fan = (_mapping(stats, key) for key in ("vram", "power", "fan"))
    fan_level = _number(fan, "pwm_current")
    used, total = _number(memory, "used"), _number(memory, "total")
    return GpuSample(
        taken_at,
        device.index,
        device.name,
        uuid=device.id,
        temperature_celsius=_temperature(_mapping(stats, "temps"), TEMPERATURES, or_any=True),
        memory_temperature_celsius=_temperature(_mapping(stats, "temps"), MEMORY_TEMPERATURES, or_any=False),
        busy_percent=_number(stats, "busy_percent"),
        memory_used_bytes=None if used is None else int(used),
        memory_total_bytes=None if total is None else int(total),
        fan_percent=None if fan_level is None else 100 * fan_level / FULL_FAN,
        power_watts=_number(power, "average") or _number(power, "current"),
    )


def _temperature(temperatures: Mapping[str, Any], names: Sequence[str], *, or_any: bool) -> float | None:
    """The first of `names` that has one; memory that nobody measures is said to have 0."""
    for name in (*names, *(temperatures if or_any else ())):
        if value := _number(_mapping(temperatures, name), "current"):
            return value
    return None


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _number(parent: Mapping[str, Any], key: str) -> float | None:
    value = parent.get(key)
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value if is_number else None
