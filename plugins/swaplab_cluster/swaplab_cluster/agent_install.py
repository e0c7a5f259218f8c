"""Installing the agent on a node over ssh: a plan of commands, and the unit it is run by. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from swaplab_core.domain.node import NodeId
from swaplab_core.domain.plan import Command, Step

FOLDER = ".local/share/swaplab-agent"
SETTINGS = ".config/swaplab-agent"
UNIT = "swaplab-agent.service"
WRITE = 'umask 077; mkdir -p "$(dirname "$1")" && cat >"$1.new" && mv -f "$1.new" "$1"'
"""Writes its input to a file that only its owner can read, at once."""


def unit(allowed: Sequence[str], port: int) -> str:
    """A systemd unit of the user that runs the agent."""
    options = "".join(f" --allow={_quoted(program)}" for program in allowed)
    return f"""\
[Unit]
Description=swaplab node agent
After=network-online.target

[Service]
ExecStart=%h/{FOLDER}/bin/swaplab-agent --listen :{port} --token-file %h/{SETTINGS}/token{options}
Restart=on-failure
RestartSec=2
# the agent ends what it runs by itself
KillMode=mixed
TimeoutStopSec=30
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""


def _quoted(text: str) -> str:
    """Text as an argument in a unit file."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def steps(node: str, *, source: str, token: bytes, allowed: Sequence[str], port: int) -> tuple[Step, ...]:
    """Put the agent on a node and start it. `source` is what pip installs; the token goes through the connection."""
    python = f"{FOLDER}/bin/python"

    def step(title: str, *argv: str, stdin: bytes = b"", seconds: float = 600.0) -> Step:
        return Step(title, Command(argv, stdin=stdin), node=NodeId(node), timeout_seconds=seconds)

    return (
        step("Make a Python environment", "python3", "-m", "venv", FOLDER),
        step("Install the agent", python, "-m", "pip", "install", "--quiet", "--upgrade", source),
        step("Hand over the token", "sh", "-c", WRITE, "write", f"{SETTINGS}/token", stdin=token + b"\n"),
        step(
            "Write the unit",
            "sh",
            "-c",
            WRITE,
            "write",
            f".config/systemd/user/{UNIT}",
            stdin=unit(allowed, port).encode(),
        ),
        step("Let services of this login run without it", "loginctl", "enable-linger", seconds=30.0),
        step("Load the unit", "systemctl", "--user", "daemon-reload", seconds=60.0),
        step("Start the agent", "systemctl", "--user", "enable", "--now", UNIT, seconds=60.0),
        step("Show its certificate, to be pinned as agent_pin", f"{FOLDER}/bin/swaplab-agent", "pin", seconds=60.0),
    )
