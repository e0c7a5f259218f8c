"""Runs at the start of every Python of a benchmark (its folder stands first in PYTHONPATH); changes nothing by itself.

`SWAPLAB_BENCHY_KEY_FILE`: llama-benchy takes its API key as an argument only. The command line of a process can be read
by every user of the machine, so the argument is added here, inside the process, from a file that only we can read.
`LLAMA_SWAP_SWEBENCH_TEXT_COMPAT=1`: see `swebench_compat`.

Standard library only, and importable by any Python 3: it runs in the runner's environment, not in ours.
"""

import os
import sys


def _add_key():
    file = os.environ.get("SWAPLAB_BENCHY_KEY_FILE")
    arguments = getattr(sys, "argv", [])
    if not file or not arguments or "llama-benchy" not in os.path.basename(arguments[0]):
        return
    with open(file, encoding="utf-8") as opened:
        arguments += ["--api-key", opened.read().strip()]


_add_key()

if os.environ.get("LLAMA_SWAP_SWEBENCH_TEXT_COMPAT") == "1":
    try:
        import swebench_compat  # noqa: F401 - it installs itself
    except ImportError:
        pass
