"""One look at one machine: dial its port, run the probe there. The I/O of the collector.

A machine that is silent costs its time limit once: when its port does not answer, nothing else is asked of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from attrs import evolve, frozen

from swaplab_cluster import probe
from swaplab_cluster.facts import Facts
from swaplab_cluster.node_status import NodeStatus, Reach
from swaplab_core.domain.errors import NodeError
from swaplab_core.domain.node import NodeId
from swaplab_core.domain.plan import Command
from swaplab_core.plugin import LabView

DIAL_SECONDS = 2.0
PROBE_SECONDS = 12.0


@frozen
class LabLook:
    """Looks through what the daemon offers; `port` says which port of a machine is dialled, `paths` are for storage."""

    lab: LabView
    port: Callable[[NodeStatus], int]
    paths: Callable[[], tuple[str, ...]]
    script: str

    async def __call__(self, status: NodeStatus, sections: frozenset[str]) -> tuple[Reach, Facts | None]:
        """Dial, probe, read."""
        reach = Reach(port_open=True)
        if not status.is_local:
            reach = await _dialled(status.node.control_ip, self.port(status))
            if not reach.port_open:
                return reach, None
        return await self._probed(status, reach, sections)

    async def _probed(self, status: NodeStatus, reach: Reach, sections: frozenset[str]) -> tuple[Reach, Facts | None]:
        paths = self.paths() if "storage" in sections else ()
        command = Command(probe.argv(self.script, sections, paths))
        began = time.monotonic()
        try:
            output = await self.lab.run(command, NodeId(status.node_id), timeout_seconds=PROBE_SECONDS)
        except NodeError as error:
            return evolve(reach, shell_error=str(error)), None
        text = output.stdout.decode(errors="replace")
        facts = probe.read(text, sections, paths)
        if facts.probe_ms is None:
            said = output.stderr.decode(errors="replace").strip()[-200:]
            return evolve(reach, shell_error=f"the probe ended early: {said or f'exit code {output.exit_code}'}"), None
        took = (time.monotonic() - began) * 1000 - facts.probe_ms
        return evolve(reach, shell_ok=True, shell_ms=max(0.0, took)), facts


async def _dialled(host: str, port: int) -> Reach:
    began = time.monotonic()
    try:
        async with asyncio.timeout(DIAL_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Reach(port_error=f"{host} port {port} did not answer within {DIAL_SECONDS:g} s")
    except OSError as error:
        return Reach(port_error=f"{host} port {port}: {error.strerror or error}")
    took = (time.monotonic() - began) * 1000
    writer.close()
    return Reach(port_open=True, port_ms=took)
