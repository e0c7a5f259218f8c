"""GPUs as `nvidia-smi` tells: one process that prints a line for each GPU, round after round.

For machines where the library cannot be used. Every line is reported, so no GPU's sample is lost behind another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from attrs import define, field

from swaplab_core.adapters.hardware import commands
from swaplab_core.adapters.hardware.readings import MIB, amount, number, row, word
from swaplab_core.domain.errors import StartFailed
from swaplab_core.domain.performance import GpuSample
from swaplab_core.ports import ExitStatus, Process, Processes

FIELDS = (
    "index", "name", "uuid", "temperature.gpu", "utilization.gpu", "memory.used", "memory.total", "fan.speed",
    "power.draw",
)  # fmt: skip
ROUNDS_WAITED = 3
SHORTEST_WAIT_SECONDS = 15.0
"""A first answer takes seconds where no process keeps the driver awake."""
LINE_BYTES = 4096


def loop_argv(every_seconds: float) -> tuple[str, ...]:
    """The command; `--loop` counts whole seconds, and is spelled so since `-loop` was taken away."""
    return (
        "nvidia-smi",
        f"--query-gpu={','.join(FIELDS)}",
        "--format=csv,noheader,nounits",
        "--loop",
        str(max(1, round(every_seconds))),
    )


@define(eq=False)
class NvidiaSmiSource:
    """Keeps one process; a silence of `shortest_wait_seconds` and three rounds is a failure."""

    processes: Processes
    shortest_wait_seconds: float = SHORTEST_WAIT_SECONDS
    name: str = "nvidia-smi"

    async def run(self, every_seconds: float, report: Callable[[Sequence[GpuSample]], None]) -> str:
        """Report until cancelled; answers why it cannot go on. The process is gone when it returns."""
        lines = _Lines(report)
        try:
            process = await commands.start(self.processes, loop_argv(every_seconds), lines.feed)
        except StartFailed as error:
            return str(error)
        try:
            return await _watch(process, lines, max(self.shortest_wait_seconds, ROUNDS_WAITED * every_seconds))
        finally:
            await commands.end(process)


async def _watch(process: Process, lines: _Lines, patience_seconds: float) -> str:
    """Answer why it is over: an exit, or too long a silence."""
    while True:
        seen = lines.count
        try:
            async with asyncio.timeout(patience_seconds):
                return _farewell(await process.wait(), lines)
        except TimeoutError:
            if lines.count == seen:
                return f"nvidia-smi told nothing for {patience_seconds:g} s"


def _farewell(status: ExitStatus, lines: _Lines) -> str:
    return f"nvidia-smi ended, {status}{commands.quoted(lines.last_refused)}"


@define
class _Lines:
    """Cuts the output into lines and reports those that are samples; `count` says how many were."""

    report: Callable[[Sequence[GpuSample]], None]
    count: int = 0
    last_refused: str = ""
    _rest: bytes = field(default=b"", init=False)

    def feed(self, chunk: bytes) -> None:
        """Take output as it comes: a line may come in pieces, and many at once."""
        *complete, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[:LINE_BYTES]
        now = datetime.now(UTC)
        samples = [sample for line in complete if (sample := self._read(line[:LINE_BYTES], now))]
        if samples:
            self.count += len(samples)
            self.report(samples)

    def _read(self, line: bytes, now: datetime) -> GpuSample | None:
        text = line.decode("utf-8", "replace")
        sample = as_sample(text, now)
        if sample is None and text.strip():
            self.last_refused = text
        return sample


def as_sample(line: str, taken_at: datetime) -> GpuSample | None:
    """Read one line of FIELDS; None when it is something else, such as a complaint."""
    fields = row(line)
    if len(fields) != len(FIELDS) or not fields[0].isdecimal():
        return None
    index, title, uuid, temperature, busy, used, total, fan, power = fields
    return GpuSample(
        taken_at,
        int(index),
        title,
        uuid=word(uuid) or "",
        temperature_celsius=number(temperature),
        busy_percent=number(busy),
        memory_used_bytes=amount(used, MIB),
        memory_total_bytes=amount(total, MIB),
        fan_percent=number(fan),
        power_watts=number(power),
    )
