"""`python -m swaplab_core.testing.sim` is `swaplab-sim`."""

from __future__ import annotations

from swaplab_core.testing.sim.cli import main

if __name__ == "__main__":
    main()
