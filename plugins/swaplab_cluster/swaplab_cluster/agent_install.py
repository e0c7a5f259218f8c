"""Installing the agent on a node over ssh: a plan of commands, and the unit it is run by. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from attrs import field, frozen

from swaplab_cluster.lab_root import root_of
from swaplab_cluster.own_wheels import Wheel
from swaplab_core.domain.node import NodeId
from swaplab_core.domain.plan import Command, Step, Work

HOME = PurePosixPath("~")
INSTALL_SECONDS = 600.0

FOLDER = ".local/share/swaplab-agent"
BELOW_ROOT = ".swaplab-agent"
SETTINGS = ".config/swaplab-agent"
UNIT = "swaplab-agent.service"
WRITE = 'umask 077; mkdir -p "$(dirname "$1")" && cat >"$1.new" && mv -f "$1.new" "$1"'
"""Writes its input to a file that only its owner can read, at once."""


def folder_below(root: str) -> str:
    """Where the agent goes: below `root` (absolute, or from the home there: `$HOME/x`), "" being the usual place.

    Raises InvalidRequest.
    """
    found = root_of(root)
    return f"{found.removeprefix('~/')}/{BELOW_ROOT}" if found else FOLDER


def _from_home(folder: str, home: str) -> str:
    return folder if folder.startswith("/") else f"{home}/{folder}"


def unit(allowed: Sequence[str], port: int, folder: str = FOLDER) -> str:
    """A systemd unit of the user that runs the agent."""
    program = _from_home(folder, "%h")
    options = "".join(f" --allow={_quoted(program)}" for program in allowed)
    return f"""\
[Unit]
Description=swaplab node agent
After=network-online.target

[Service]
ExecStart={program}/bin/swaplab-agent --listen :{port} --token-file %h/{SETTINGS}/token{options}
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


@frozen
class Agent:
    """What is installed. `source` is what pip installs; when it is "", the `wheels` are sent and installed.

    The token goes through the connection. `service`: it is run by systemd; otherwise by whoever starts it.
    `folder` is its place on the node, from the home there unless it is absolute.
    """

    token: bytes = field(repr=False)
    allowed: Sequence[str]
    port: int
    source: str = ""
    wheels: Sequence[Wheel] = ()
    service: bool = True
    folder: str = FOLDER


def steps(node: NodeId, agent: Agent) -> tuple[Step, ...]:
    """Put the agent on a node, and start it."""
    return (
        *_package(node, agent),
        _write(node, "Hand over the token", f"{SETTINGS}/token", agent.token + b"\n"),
        *(_service(node, agent) if agent.service else ()),
        _run(node, "Show its certificate, to be pinned as agent_pin", f"{agent.folder}/bin/swaplab-agent", "pin"),
        *(() if agent.service else (_how_to_start(agent),)),
    )


def _run(node: NodeId, title: str, *argv: str, seconds: float = 60.0) -> Step:
    return Step(title, Command(argv, cwd=HOME), node=node, timeout_seconds=seconds)


def _write(node: NodeId, title: str, path: str, content: bytes) -> Step:
    command = Command(("sh", "-c", WRITE, "write", path), stdin=content, cwd=HOME)
    return Step(title, command, node=node, timeout_seconds=INSTALL_SECONDS)


def _package(node: NodeId, agent: Agent) -> Iterator[Step]:
    python = f"{agent.folder}/bin/python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    yield _run(node, "Make a Python environment", "python3", "-m", "venv", agent.folder, seconds=INSTALL_SECONDS)
    if agent.source:
        yield _run(node, "Install the agent", *pip, "--upgrade", agent.source, seconds=INSTALL_SECONDS)
        return
    paths = [f"{agent.folder}/wheels/{wheel.name}" for wheel in agent.wheels]
    for wheel, path in zip(agent.wheels, paths, strict=True):
        yield _write(node, f"Send {wheel.name}", path, wheel.content)
    yield _run(node, "Install the agent", *pip, *paths, seconds=INSTALL_SECONDS)
    again = ("--force-reinstall", "--no-deps", *paths)
    yield _run(node, "Replace what is older under the same number", *pip, *again, seconds=INSTALL_SECONDS)


def _service(node: NodeId, agent: Agent) -> Iterator[Step]:
    yield _write(
        node, "Write the unit", f".config/systemd/user/{UNIT}", unit(agent.allowed, agent.port, agent.folder).encode()
    )
    yield _run(node, "Let services of this login run without it", "loginctl", "enable-linger")
    yield _run(node, "Load the unit", "systemctl", "--user", "daemon-reload")
    yield _run(node, "Enable the unit", "systemctl", "--user", "enable", UNIT)
    yield _run(node, "Start the agent", "systemctl", "--user", "restart", UNIT)


def _how_to_start(agent: Agent) -> Step:
    allowed = [f"--allow={program}" for program in agent.allowed]
    program, token = f"{_from_home(agent.folder, '~')}/bin/swaplab-agent", f"~/{SETTINGS}/token"
    line = " ".join((program, f"--listen :{agent.port}", f"--token-file {token}", *map(shlex.quote, allowed)))

    async def tell(work: Work) -> None:
        work.log(f"start it there with: {line}")

    return Step("Say how it is started", work=tell, shown_as=line)
