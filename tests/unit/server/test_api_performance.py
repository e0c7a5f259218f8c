"""The documents on the wire: /api/performance, /api/hardware and /metrics, in an application of their own."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from attrs import define, evolve, field

import swaplab_core
from swaplab_core.builtin.command_backend import CommandBackend
from swaplab_core.config.schema import ModelConfig, Performance
from swaplab_core.domain.hardware import (
    Accelerator,
    AcceleratorMemory,
    Architecture,
    Cpu,
    Driver,
    Environment,
    HardwareSnapshot,
    OperatingSystem,
)
from swaplab_core.domain.performance import GpuSample, MemoryKind, ProcessSample
from swaplab_core.engine.phases import Phase
from swaplab_core.runtime.hardware import HardwareInventory
from swaplab_core.runtime.performance import GpuStatus, PerformanceMonitor
from swaplab_core.server.api.metrics import MetricsRoutes
from swaplab_core.server.api.performance import PerformanceRoutes
from swaplab_core.server.errors import error_middleware
from swaplab_core.server.metrics.counters import Metrics
from swaplab_core.server.route import RouteTable
from swaplab_core.services.models.lifecycle import ModelState
from swaplab_core.testing.fake_hardware import (
    GIB,
    FakeHardware,
    FakeReader,
    FakeSystemProbe,
    moment,
    system_sample,
)
from swaplab_core.testing.fakes import ManualClock

GPU = GpuSample(
    moment(0),
    0,
    "NVIDIA L4",
    "GPU-1",
    temperature_celsius=50.4,
    memory_temperature_celsius=60.0,
    busy_percent=70.0,
    memory_used_bytes=6 * GIB,
    memory_total_bytes=24 * GIB,
    fan_percent=30.0,
    power_watts=72.5,
)
SNAPSHOT = HardwareSnapshot(
    moment(0),
    Architecture("arm64", "aarch64"),
    OperatingSystem("linux", "DGX OS", "7", "6.11"),
    Environment("native"),
    Cpu("ARM", "10 Cortex-X925 + 10 Cortex-A725", 1, 20, 20),
    128 * GIB,
    (
        Accelerator(
            "000f:01:00.0",
            vendor="NVIDIA",
            model="NVIDIA GB10",
            architecture="Blackwell",
            memory=AcceleratorMemory(MemoryKind.UNIFIED, 128 * GIB),
            driver=Driver("NVIDIA", "580.95.05"),
        ),
        Accelerator("GPU-secret"),
    ),
)


@define
class States:
    """Models as the service would tell."""

    found: list[ModelState] = field(factory=list)

    def states(self):
        return self.found


def state(model, phase, base_url=""):
    return ModelState(ModelConfig(id=model), phase, False, 2, 3, 1, base_url, "", 0.0, None)


class Engine(CommandBackend):
    """A backend whose engine tells of itself at a place of its own."""

    metrics_path = "/prometheus/metrics"


class Server:
    """The routes with everything behind them, and a client."""

    def __init__(self):
        self.clock = ManualClock()
        self.monitor = PerformanceMonitor(FakeSystemProbe(self.clock), [], self.clock, Performance(every_seconds=5))
        self.hardware = FakeHardware(self.clock, SNAPSHOT)
        self.metrics, self.models, self.reader = Metrics(), States(), FakeReader()

    async def ask(self, path):
        """Status, headers and body."""
        application = web.Application(middlewares=[error_middleware])
        table = RouteTable(application)
        table.mount(PerformanceRoutes(self.monitor, HardwareInventory(self.hardware)).routes())
        backends = {"command": Engine()}
        table.mount(MetricsRoutes(self.metrics, self.monitor, self.models, self.reader, backends).routes())
        async with TestClient(TestServer(application, host="127.0.0.1")) as client, client.get(path) as response:
            return response.status, response.headers, await response.read()

    def json(self, path):
        async def run():
            status, headers, body = await self.ask(path)
            assert headers["Content-Type"].startswith("application/json")
            return status, json.loads(body)

        return asyncio.run(run())


@pytest.fixture
def server():
    return Server()


def test_performance_of_a_system_and_a_gpu(server):
    server.monitor.samples.system.add(system_sample())
    server.monitor.samples.gpus.add(GPU)
    server.monitor.gpus = GpuStatus("NVML")
    assert server.json("/api/performance") == (
        200,
        {
            "enabled": True,
            "sys_stats": [
                {
                    "timestamp": "2026-01-31T12:00:00Z",
                    "cpu_util_per_core": [12.5, 100.0],
                    "mem_total_mb": 8192,
                    "mem_used_mb": 2048,
                    "mem_free_mb": 5120,
                    "swap_total_mb": 1024,
                    "swap_used_mb": 0,
                    "load_avg_1": 0.5,
                    "load_avg_5": 0.25,
                    "load_avg_15": 0.125,
                    "net_io": [{"name": "eth0", "bytes_recv": 1000, "bytes_sent": 2000}],
                }
            ],
            "gpu_stats": [
                {
                    "timestamp": "2026-01-31T12:00:00Z",
                    "id": 0,
                    "name": "NVIDIA L4",
                    "uuid": "GPU-1",
                    "temp_c": 50,
                    "vram_temp_c": 60,
                    "gpu_util_pct": 70.0,
                    "mem_util_pct": 25.0,
                    "mem_used_mb": 6144,
                    "mem_total_mb": 24576,
                    "mem_kind": "dedicated",
                    "fan_speed_pct": 30.0,
                    "power_draw_w": 72.5,
                }
            ],
            "process_stats": None,
            "step_seconds": None,
            "gpu_source": "NVML",
            "gpu_failures": {},
        },
    )


def test_a_longer_time_is_told_as_means_with_the_memory_of_each_model(server):
    for seconds in range(0, 3 * 3600, 60):
        server.monitor.samples.system.add(system_sample(seconds))
        server.monitor.samples.processes.add(ProcessSample(moment(seconds), "m", seconds * GIB))
    _, document = server.json("/api/performance?seconds=7200&points=12")
    assert document["step_seconds"] == 600
    assert len(document["sys_stats"]) in {12, 13}
    assert [each["model"] for each in document["process_stats"]] == ["m"] * len(document["sys_stats"])
    assert document["process_stats"][-1]["mem_used_mb"] == 1024 * (3 * 3600 - 60)


def test_a_time_that_is_not_kept_is_refused(server):
    for query in ("seconds=0", "seconds=86401", "seconds=x", "seconds=60&points=0", "seconds=60&points=2001"):
        status, document = server.json(f"/api/performance?{query}")
        assert (status, "must be" in document["error"]["message"]) == (400, True), query


def test_performance_without_samples_is_null(server):
    server.monitor.gpus = GpuStatus(None, {"NVML": "no driver"})
    _, document = server.json("/api/performance")
    assert document == {
        "enabled": True,
        "sys_stats": None,
        "gpu_stats": None,
        "process_stats": None,
        "step_seconds": None,
        "gpu_source": None,
        "gpu_failures": {"NVML": "no driver"},
    }


def test_performance_that_a_gpu_does_not_tell_is_null(server):
    server.monitor.samples.gpus.add(GpuSample(moment(0), 1, "card1"))
    _, document = server.json("/api/performance")
    [record] = document["gpu_stats"]
    assert {name for name, value in record.items() if value is None} == {
        "temp_c", "vram_temp_c", "gpu_util_pct", "mem_util_pct", "mem_used_mb", "mem_total_mb", "fan_speed_pct",
        "power_draw_w",
    }  # fmt: skip


def test_performance_503(server):
    server.monitor.use(Performance(disabled=True))
    assert server.json("/api/performance") == (503, {"enabled": False})


@pytest.mark.parametrize(
    "after",
    [
        "2026-01-31T12:00:05Z",
        "2026-01-31T12:00:05.0Z",
        "2026-01-31T12:00:05.000000000Z",
        "2026-01-31T14:00:05%2B02:00",
        "2026-01-31T14:00:05+02:00",
        "2026-01-31T10:00:05-02:00",
    ],
)
def test_after_gives_what_came_later_in_every_spelling_of_a_time(server, after):
    for seconds in (0, 5, 10):
        server.monitor.samples.system.add(system_sample(seconds))
        server.monitor.samples.gpus.add(evolve(GPU, taken_at=moment(seconds)))
    _, document = server.json(f"/api/performance?after={after}")
    assert [sample["timestamp"] for sample in document["sys_stats"]] == ["2026-01-31T12:00:10Z"]
    assert [sample["timestamp"] for sample in document["gpu_stats"]] == ["2026-01-31T12:00:10Z"]


def test_a_timestamp_of_ours_can_be_asked_after(server):
    server.monitor.samples.system.add(system_sample(0.25))
    _, document = server.json("/api/performance")
    stamp = document["sys_stats"][0]["timestamp"]
    assert stamp == "2026-01-31T12:00:00.250000Z"
    assert server.json(f"/api/performance?after={stamp}")[1]["sys_stats"] is None


def test_no_time_is_all(server):
    server.monitor.samples.system.add(system_sample())
    assert len(server.json("/api/performance?after=")[1]["sys_stats"]) == 1


@pytest.mark.parametrize(
    "after",
    ["yesterday", "2026-01-31", "2026-01-31T12:00:05", "1769860800", "2026-02-31T12:00:00Z", "2026-W05-6T12:00:00Z"],
)
def test_performance_with_a_bad_after_is_400(server, after):
    status, document = server.json(f"/api/performance?after={after}")
    assert status == 400
    assert "RFC 3339" in document["error"]["message"]
    assert after in document["error"]["message"]


def test_hardware(server):
    status, document = server.json("/api/hardware")
    assert status == 200
    assert document == {
        "schema_version": 1,
        "captured_at": "2026-01-31T12:00:00Z",
        "capture": {
            "scope": "inference_host",
            "method": "detected",
            "detector": {"name": "swaplab", "version": swaplab_core.__version__},
        },
        "architecture": {"name": "arm64", "raw_name": "aarch64"},
        "operating_system": {"family": "linux", "name": "DGX OS", "version": "7", "kernel": "6.11"},
        "environment": {"kind": "native", "name": None, "version": None},
        "cpu": {
            "vendor": "ARM",
            "model": "10 Cortex-X925 + 10 Cortex-A725",
            "socket_count": 1,
            "physical_core_count": 20,
            "logical_thread_count": 20,
        },
        "memory": {"capacity_bytes": 128 * GIB},
        "accelerators": [
            {
                "index": 0,
                "kind": "gpu",
                "vendor": "NVIDIA",
                "model": "NVIDIA GB10",
                "architecture": "Blackwell",
                "memory": {"kind": "unified", "capacity_bytes": 128 * GIB},
                "driver": {"name": "NVIDIA", "version": "580.95.05"},
                "power_limit_watts": None,
            },
            {
                "index": 1,
                "kind": "gpu",
                "vendor": None,
                "model": None,
                "architecture": None,
                "memory": {"kind": "unknown", "capacity_bytes": None},
                "driver": None,
                "power_limit_watts": None,
            },
        ],
    }


def test_hardware_shows_no_identity(server):
    _, _, body = asyncio.run(server.ask("/api/hardware"))
    assert b"000f" not in body
    assert b"GPU-secret" not in body


def test_hardware_of_an_odd_system_names_its_own_word(server):
    server.hardware.snapshot = evolve(SNAPSHOT, operating_system=OperatingSystem("other", raw_family="Plan9"))
    assert server.json("/api/hardware")[1]["operating_system"]["raw_family"] == "Plan9"


def test_hardware_503(server):
    server.hardware.snapshot = None
    status, document = server.json("/api/hardware")
    assert status == 503
    assert document["error"]["code"] == "hardware-unknown"


def metrics_page(server, query=""):
    status, headers, body = asyncio.run(server.ask(f"/metrics{query}"))
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    return body.decode()


def test_metrics_show_the_machine_and_the_models(server):
    server.metrics.request_done("m", 200)
    server.models.found = [state("m", Phase.ASLEEP)]
    server.monitor.samples.system.add(system_sample())
    page = metrics_page(server)
    assert 'swaplab_requests_total{code="200",model="m"} 1.0' in page
    assert 'swaplab_model_state{model="m",state="asleep"} 1.0' in page
    assert 'swaplab_queue_depth{model="m"} 3.0' in page
    assert 'llamaswap_load_average{interval="1m"} 0.5' in page


def test_metrics_of_models_are_there_when_the_machine_is_not_measured(server):
    server.monitor.use(Performance(disabled=True))
    server.metrics.request_done("m", 200)
    assert "swaplab_requests_total" in metrics_page(server)


def test_engines_are_asked_only_when_wanted_and_ready(server):
    urls = {phase: f"http://127.0.0.1/{phase.value}" for phase in Phase}
    server.models.found = [state(phase.value, phase, url) for phase, url in urls.items()]
    server.reader.pages = {f"{url}/prometheus/metrics": b"vllm:x 1\n" for url in urls.values()}
    assert "vllm:x" not in metrics_page(server)
    assert 'vllm:x{model="ready"} 1\n' in metrics_page(server, "?engines=true")
    assert server.reader.read_urls == ["http://127.0.0.1/ready/prometheus/metrics"]
