"""`python -m swaplab_cluster.agent`: the command, where no script was installed for it."""

from __future__ import annotations

from swaplab_cluster.agent.cli import main

main(prog_name="swaplab-agent")
