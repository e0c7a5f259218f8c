"""GPUs as `rocm-smi` tells: a program run for each look. It names its columns differently from version to version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from attrs import define

from swaplab_core.adapters.hardware import commands
from swaplab_core.adapters.hardware.polling import SourceFailed, poll
from swaplab_core.adapters.hardware.readings import amount, number, row, word
from swaplab_core.domain.performance import GpuSample
from swaplab_core.ports import Clock, Processes

ARGV = (
    "rocm-smi", "-i", "-P", "-t", "-f", "-u", "--showmemuse", "--showmeminfo", "vram", "--showproductname", "--csv",
)  # fmt: skip
TIMEOUT_SECONDS = 5.0

MODEL_COLUMNS = ("card series", "device name", "card model")
POWER_COLUMNS = (
    "current socket graphics package power (w)",
    "average graphics package power (w)",
    "current graphics package power (w)",
)

_CARD = re.compile(r"card(\d+)")

Columns = Mapping[str, str]
"""One card's values by lower-case column name."""


@define(eq=False)
class RocmSmiSource:
    """A program that hangs is ended after `timeout_seconds`."""

    processes: Processes
    clock: Clock
    timeout_seconds: float = TIMEOUT_SECONDS
    name: str = "rocm-smi"

    async def run(self, every_seconds: float, report: Callable[[Sequence[GpuSample]], None]) -> str:
        """Report until cancelled; answers why it cannot go on."""
        return await poll(self.clock, every_seconds, self._read, report)

    async def _read(self) -> Sequence[GpuSample]:
        printed = await commands.run(self.processes, ARGV, self.timeout_seconds)
        if printed.problem:
            raise SourceFailed(printed.problem)
        samples = as_samples(printed.text, datetime.now(UTC))
        if not samples:
            raise SourceFailed(f"rocm-smi tells of no GPU{commands.quoted(printed.text)}")
        return samples


def as_samples(text: str, taken_at: datetime) -> tuple[GpuSample, ...]:
    """Read a whole output; warnings around the table, and rows that do not fit it, are left out."""
    return tuple(
        _sample(columns, int(card[1]), taken_at)
        for columns in tables(text)
        if (card := _CARD.fullmatch(columns["device"]))
    )


def tables(text: str) -> Iterator[Columns]:
    """Every row below a header; several tables may follow each other."""
    header: Sequence[str] = ()
    for line in text.splitlines():
        fields = row(line)
        if fields and fields[0].lower() == "device":
            header = [field.lower() for field in fields]
        elif header and len(fields) == len(header):
            yield dict(zip(reversed(header), reversed(fields), strict=True))  # of columns named twice the first counts


def told(columns: Columns, *names: str) -> str:
    """The first of these columns that says something, "" when none does."""
    return next((value for column in names if (value := word(columns.get(column, "")))), "")


def model_of(columns: Columns) -> str | None:
    """The name of a card. Some versions put the vendor's number where a name should be."""
    said = (columns.get(column, "") for column in MODEL_COLUMNS)
    return next((text for text in said if word(text) and not text.lower().startswith("0x")), None)


def _sample(columns: Columns, card: int, taken_at: datetime) -> GpuSample:
    architecture = told(columns, "gfx version")
    title = " ".join(filter(None, (model_of(columns), f"card{card}", architecture and f"({architecture})")))
    return GpuSample(
        taken_at,
        card,
        title,
        uuid=told(columns, "unique id", "guid"),
        temperature_celsius=number(told(columns, "temperature (sensor edge) (c)", "temperature (sensor junction) (c)")),
        memory_temperature_celsius=number(told(columns, "temperature (sensor memory) (c)")),
        busy_percent=number(told(columns, "gpu use (%)")),
        memory_used_bytes=amount(told(columns, "vram total used memory (b)")),
        memory_total_bytes=amount(told(columns, "vram total memory (b)")),
        fan_percent=number(told(columns, "fan speed (%)")),
        power_watts=number(told(columns, *POWER_COLUMNS)),
    )
