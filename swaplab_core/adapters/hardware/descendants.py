"""What programs hold of the system's memory, with all that they have started: the port `ProcessProbe`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, field

from swaplab_core.adapters.hardware.thread import SamplingThread

TIMEOUT_SECONDS = 10.0


@define(eq=False)
class PsutilProcesses:
    """Looks on a thread of its own. Memory that several processes share is counted for each of them."""

    _thread: SamplingThread = field(factory=lambda: SamplingThread("process sampling"), init=False)

    async def memory(self, pids: Sequence[int]) -> Mapping[int, int]:
        """One look; nothing when the system does not answer in time."""
        try:
            return await self._thread.call(lambda: _look(pids), TIMEOUT_SECONDS) or {}
        except TimeoutError:
            return {}


def _look(pids: Sequence[int]) -> Mapping[int, int]:
    import psutil  # noqa: PLC0415 - whoever measures nothing shall not pay for it

    found: dict[int, int] = {}
    for pid in pids:
        try:
            leader = psutil.Process(pid)
            family = [leader, *leader.children(recursive=True)]
        except psutil.Error:
            continue
        found[pid] = sum(_resident(process) for process in family)
    return {pid: held for pid, held in found.items() if held}


def _resident(process: object) -> int:
    import psutil  # noqa: PLC0415 - as above

    assert isinstance(process, psutil.Process)
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has ended meanwhile
        return 0
