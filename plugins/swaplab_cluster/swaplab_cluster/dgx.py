"""The update service of a DGX: what is said to it, who may be told to update, and in which order. Pure."""

from __future__ import annotations

UPDATE = (
    "sudo",
    "-n",
    "-u",
    "dgx-dashboard-service-user",
    "busctl",
    "call",
    "com.nvidia.dgx.dashboard.admin1",
    "/com/nvidia/dgx/dashboard/admin",
    "com.nvidia.dgx.dashboard.admin1",
    "UpdateAndReboot",
)
"""Update the system and reboot."""
