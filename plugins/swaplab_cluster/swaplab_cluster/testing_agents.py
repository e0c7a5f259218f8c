"""Real agents for tests: one `swaplab-agent` each on addresses of the loopback network, with one token."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from swaplab_cluster.agent.tls import ensure_certificate, fingerprint
from swaplab_cluster.agent_client import AgentReach
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.real_process import RealProcess, running_process

TOKEN = "a token that is long enough"  # noqa: S105 - of the tests


@frozen
class RealAgent:
    """An agent that listens."""

    process: RealProcess
    address: str
    port: int
    pin: str
    token_file: Path

    def reach(self, *, lease_seconds: float = 20.0, keep: bool = False, lost_after_seconds: float = 8.0) -> AgentReach:
        """How to get there."""
        return AgentReach(
            self.address, self.address, self.port, self.pin, self.token_file, lease_seconds, keep, lost_after_seconds
        )


@contextlib.contextmanager
def running_agent(
    folder: Path, address: str, allowed: Sequence[str], *, port: int = 0, prefix: tuple[str, ...] = ()
) -> Iterator[RealAgent]:
    """Run an agent inside the block; `prefix` goes before its command line."""
    folder.mkdir(parents=True, exist_ok=True)
    token_file = folder / "token"
    if not token_file.exists():
        token_file.touch(mode=0o600)
        token_file.write_text(TOKEN + "\n")
    ensure_certificate(folder / "tls")
    port = port or find_free_port(address)
    command = (*prefix, sys.executable, "-m", "swaplab_cluster.agent", "--listen", f"{address}:{port}")
    programs = [f"--allow={program}" for program in allowed]
    options: list[str | Path] = ["--token-file", token_file, "--folder", folder / "tls", *programs]
    with running_process((*command, *options), folder / "agent.log") as process:
        process.wait_for_output(r"swaplab-agent listens on", deadline_seconds=20.0)
        yield RealAgent(process, address, port, fingerprint(folder / "tls"), token_file)
