"""Model entries for tests of machines."""

from __future__ import annotations

from running_swaplab import command

from swaplab_core.testing.sim_process import SIM_ARGV


def sim_on(node: str, address: str, *more: str) -> dict[str, object]:
    """A simulated engine on a machine, listening on its address."""
    return {"cmd": command(*SIM_ARGV, "--host", address, "--port", "${PORT}", *more), "node": node}


def alone(*models: str) -> dict[str, object]:
    """Let these models run side by side."""
    return {"groups": {"side by side": {"swap": False, "exclusive": False, "members": list(models)}}}
