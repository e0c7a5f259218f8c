"""How busy the machine is, and what it is: llama-swap's two documents. What nobody could tell is null in both."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from aiohttp import web
from attrs import define

import swaplab_core
from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.hardware import Accelerator, HardwareSnapshot, OperatingSystem
from swaplab_core.domain.performance import GpuSample, SystemSample
from swaplab_core.runtime.hardware import HardwareInventory
from swaplab_core.runtime.performance import GpuStatus, PerformanceMonitor
from swaplab_core.server.api_models import json_response
from swaplab_core.server.errors import error_body
from swaplab_core.server.route import Endpoint, get

SCHEMA_VERSION = 1
DETECTOR = "swaplab"
MIB = 2**20

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
        """The samples of the last hour, or those after `?after=`; 503 when nothing is measured."""
        after = parse_after(request.query.get("after", ""))
        if not self.monitor.is_enabled:
            return _unavailable(b'{"enabled":false}')
        samples = self.monitor.samples
        system, gpus = samples.system.after(after), samples.gpus.after(after)
        body = await asyncio.to_thread(_performance, system, gpus, self.monitor.gpus)
        return web.Response(body=body, content_type="application/json")

    async def snapshot(self, _: web.Request) -> web.Response:
        """What the machine is; 503 when it did not tell."""
        found = await self.hardware.snapshot()
        if found is None:
            message = "the hardware could not be detected; the log may say why"
            return _unavailable(error_body(message, HTTPStatus.SERVICE_UNAVAILABLE, "hardware-unknown"))
        return json_response(hardware_record(found))


def _performance(system: list[SystemSample], gpus: list[GpuSample], status: GpuStatus) -> bytes:
    """The whole document; an hour of eight GPUs takes 60 ms, which is why it is made on a thread."""
    return orjson.dumps(
        {
            "enabled": True,
            "sys_stats": [system_record(sample) for sample in system] or None,
            "gpu_stats": [gpu_record(sample) for sample in gpus] or None,
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
