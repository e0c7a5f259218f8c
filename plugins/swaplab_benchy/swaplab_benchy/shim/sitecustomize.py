"""Runs at the start of every Python of a benchmark (its folder stands first in PYTHONPATH); changes nothing by itself.

`SWAPLAB_BENCHY_KEY_FILE`: llama-benchy takes its API key as an argument only. The command line of a process can be read
by every user of the machine, so the argument is added here, inside the process, from a file that only we can read.
The intelligence edition would pass that argument on to its children's command lines; so with `--enable-intelligence`
the key becomes the variable OPENAI_API_KEY, which they all read.
`LLAMA_SWAP_SWEBENCH_TEXT_COMPAT=1`: see `swebench_compat`.

Python imports one `sitecustomize` only; the next one on the path, which this hides, is run at the end.
Standard library only, and importable by any Python 3: it runs in the runner's environment, not in ours.
"""

import os
import runpy
import sys


def _give_key():
    file = os.environ.get("SWAPLAB_BENCHY_KEY_FILE")
    arguments = getattr(sys, "argv", [])
    if not file or not arguments or "llama-benchy" not in os.path.basename(arguments[0]):
        return
    with open(file, encoding="utf-8") as opened:
        key = opened.read().strip()
    if "--enable-intelligence" in arguments:
        os.environ["OPENAI_API_KEY"] = key
        return
    place = arguments.index("--runs") + 2 if "--runs" in arguments else len(arguments)
    arguments[place:place] = ["--api-key", key]


def _run_hidden():
    ours = os.path.dirname(os.path.abspath(__file__))
    for folder in sys.path:
        file = os.path.join(folder, "sitecustomize.py")
        if os.path.abspath(folder) != ours and os.path.isfile(file):
            runpy.run_path(file, run_name="sitecustomize")
            return


_give_key()

if os.environ.get("LLAMA_SWAP_SWEBENCH_TEXT_COMPAT") == "1":
    try:
        import swebench_compat  # noqa: F401 - it installs itself
    except ImportError:
        pass

_run_hidden()
