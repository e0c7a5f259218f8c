"""How busy the machine is, and what it is: llama-swap's two documents. What nobody could tell is null in both."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Self

import orjson
from aiohttp import web
from attrs import define, frozen

import swaplab_core
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.hardware import Accelerator, HardwareSnapshot, OperatingSystem
from swaplab_core.domain.performance import GpuSample, ProcessSample, SystemSample
from swaplab_core.runtime.hardware import HardwareInventory
from swaplab_core.runtime.performance import LONG_KEPT, GpuStatus, PerformanceMonitor, Samples
from swaplab_core.server.api.models import json_response
from swaplab_core.server.errors import error_body
from swaplab_core.server.route import Endpoint, get

SCHEMA_VERSION = 1
DETECTOR = "swaplab"
MIB = 2**20
LONGEST_SECONDS = LONG_KEPT.total_seconds()
USUAL_POINTS = 300
MOST_POINTS = 2000

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)")


@define(eq=False)
class PerformanceRoutes:
    """GET only; nothing is measured because somebody asks, but the one snapshot of the hardware."""

    monitor: PerformanceMonitor
    hardware: HardwareInventory

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/performance", Policy.READ, self.performance),
            get("/api/hardware", Policy.READ, self.snapshot),
        ]

    async def performance(self, request: web.Request) -> web.Response:
        """The samples of the last hour, or those after `?after=`; 503 when nothing is measured.

        With `?seconds=` those of so long a time, up to a day, as at most `?points=` means.
        """
        after = parse_after(request.query.get("after", ""))
        window = parse_window(request.query.get("seconds", ""), request.query.get("points", ""))
        if not self.monitor.is_enabled:
            return _unavailable(b'{"enabled":false}')
        seen = _Seen.of(self.monitor.samples, after) if window is None else _Seen.over(self.monitor.samples, *window)
        body = await asyncio.to_thread(_performance, seen, self.monitor.gpus)
        return web.Response(body=body, content_type="application/json")

    async def snapshot(self, _: web.Request) -> web.Response:
        """What the machine is; 503 when it did not tell."""
        found = await self.hardware.snapshot()
        if found is None:
            message = "the hardware could not be detected; the log may say why"
            return _unavailable(error_body(message, HTTPStatus.SERVICE_UNAVAILABLE, "hardware-unknown"))
        return json_response(hardware_record(found))


@frozen
class _Seen:
    """What is told; `step_seconds` is the length of one mean, None for samples as they were taken."""

    system: list[SystemSample]
    gpus: list[GpuSample]
    processes: list[ProcessSample]
    step_seconds: float | None = None

    @classmethod
    def of(cls, samples: Samples, after: datetime | None) -> Self:
        return cls(samples.system.after(after), samples.gpus.after(after), samples.processes.after(after))

    @classmethod
    def over(cls, samples: Samples, seconds: float, step: float) -> Self:
        newest = samples.system.newest()
        since = (newest.taken_at if newest else datetime.now(UTC)) - timedelta(seconds=seconds)
        return cls(
            samples.system.over(since, step), samples.gpus.over(since, step), samples.processes.over(since, step), step
        )


def _performance(seen: _Seen, status: GpuStatus) -> bytes:
    """The whole document; an hour of eight GPUs takes 60 ms, which is why it is made on a thread."""
    return orjson.dumps(
        {
            "enabled": True,
            "sys_stats": [system_record(sample) for sample in seen.system] or None,
            "gpu_stats": [gpu_record(sample) for sample in seen.gpus] or None,
            "process_stats": [process_record(sample) for sample in seen.processes] or None,
            "step_seconds": seen.step_seconds,
            "gpu_source": status.source,
            "gpu_failures": dict(status.failures),
        }
    )


def _unavailable(body: bytes) -> web.Response:
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, body=body, content_type="application/json")


def parse_after(text: str) -> datetime | None:
    """Read an RFC 3339 time; "" is none. Raises InvalidRequest."""
    if not text:
        return None
    written = text.strip().replace(" ", "+")  # a plus sign that nobody encoded
    found = _RFC3339.fullmatch(written)
    try:
        if found:
            return datetime.fromisoformat(written)
    except ValueError:  # the 32nd of a month
        pass
    raise InvalidRequest(
        f"`after` is no time: {text[:40]!r}", advice="write it as in RFC 3339, like 2026-01-31T12:00:00Z"
    )


def parse_window(seconds: str, points: str) -> tuple[float, float] | None:
    """Read how long a time is wanted and answer it with the step; None when "" is. Raises InvalidRequest."""
    if not seconds:
        return None
    try:
        wanted, parts = float(seconds), int(points or USUAL_POINTS)
    except ValueError:
        raise InvalidRequest("`seconds` and `points` must be numbers") from None
    if not 0 < wanted <= LONGEST_SECONDS:
        raise InvalidRequest(f"`seconds` must be above 0 and at most {LONGEST_SECONDS:.0f}, not {seconds[:40]}")
    if not 1 <= parts <= MOST_POINTS:
        raise InvalidRequest(f"`points` must be between 1 and {MOST_POINTS}, not {points[:40]}")
    return wanted, wanted / parts


def process_record(sample: ProcessSample) -> dict[str, Any]:
    """One of `process_stats`: what a running model holds of the system's memory."""
    return {"timestamp": _time(sample.taken_at), "model": sample.model, "mem_used_mb": _mib(sample.memory_bytes)}


def system_record(sample: SystemSample) -> dict[str, Any]:
    """One of `sys_stats`."""
    loads = sample.load_averages or (None, None, None)
    return {
        "timestamp": _time(sample.taken_at),
        "cpu_util_per_core": list(sample.core_percent),
        "mem_total_mb": _mib(sample.memory_total_bytes),
        "mem_used_mb": _mib(sample.memory_used_bytes),
        "mem_free_mb": _mib(sample.memory_free_bytes),
        "swap_total_mb": _mib(sample.swap_total_bytes),
        "swap_used_mb": _mib(sample.swap_used_bytes),
        "load_avg_1": loads[0],
        "load_avg_5": loads[1],
        "load_avg_15": loads[2],
        "net_io": [
            {"name": each.name, "bytes_recv": each.received_bytes, "bytes_sent": each.sent_bytes}
            for each in sample.network
        ],
    }


def gpu_record(sample: GpuSample) -> dict[str, Any]:
    """One of `gpu_stats`; `mem_kind` is ours."""
    return {
        "timestamp": _time(sample.taken_at),
        "id": sample.id,
        "name": sample.name,
        "uuid": sample.uuid,
        "temp_c": _whole(sample.temperature_celsius),
        "vram_temp_c": _whole(sample.memory_temperature_celsius),
        "gpu_util_pct": sample.busy_percent,
        "mem_util_pct": sample.memory_percent,
        "mem_used_mb": _mib(sample.memory_used_bytes),
        "mem_total_mb": _mib(sample.memory_total_bytes),
        "mem_kind": sample.memory_kind.value,
        "fan_speed_pct": sample.fan_percent,
        "power_draw_w": sample.power_watts,
    }


def hardware_record(found: HardwareSnapshot) -> dict[str, Any]:
    """The snapshot in schema 1."""
    cpu = found.cpu
    return {
        "schema_version": SCHEMA_VERSION,
        "captured_at": _time(found.captured_at),
        "capture": {
            "scope": "inference_host",
            "method": "detected",
            "detector": {"name": DETECTOR, "version": swaplab_core.__version__},
        },
        "architecture": {"name": found.architecture.name, "raw_name": found.architecture.raw_name},
        "operating_system": _operating_system(found.operating_system),
        "environment": {
            "kind": found.environment.kind,
            "name": found.environment.name,
            "version": found.environment.version,
        },
        "cpu": {
            "vendor": cpu.vendor,
            "model": cpu.model,
            "socket_count": cpu.socket_count,
            "physical_core_count": cpu.physical_core_count,
            "logical_thread_count": cpu.logical_thread_count,
        },
        "memory": {"capacity_bytes": found.memory_bytes},
        "accelerators": [_accelerator(index, each) for index, each in enumerate(found.accelerators)],
    }


def _operating_system(system: OperatingSystem) -> Mapping[str, Any]:
    raw = {"raw_family": system.raw_family} if system.raw_family else {}
    return {
        "family": system.family,
        "name": system.name,
        "version": system.version,
        "kernel": system.kernel,
        **raw,
    }


def _accelerator(index: int, found: Accelerator) -> Mapping[str, Any]:
    """Without its identity, which is nobody's business."""
    return {
        "index": index,
        "kind": found.kind,
        "vendor": found.vendor,
        "model": found.model,
        "architecture": found.architecture,
        "memory": {"kind": found.memory.kind.value, "capacity_bytes": found.memory.capacity_bytes},
        "driver": {"name": found.driver.name, "version": found.driver.version} if found.driver else None,
        "power_limit_watts": found.power_limit_watts,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _mib(count: int | None) -> int | None:
    return None if count is None else count // MIB


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
