"""A real program that does what a `Behaviour` says, so that real processes and fakes keep one contract."""

from __future__ import annotations

import json
import sys

import attrs

from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.testing.fakes import Behaviour

BASE_URL = "http://127.0.0.1:5800"
"""What its launch spec names; nothing listens there."""

_PYTHON = (sys.executable, "-I", "-S", "-c")
_PROGRAM = """
import json, os, resource, signal, sys, time

behaviour = json.loads(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

def end(status):
    if status["signal"]:
        if status["signal"] != signal.SIGKILL:
            signal.signal(status["signal"], signal.SIG_DFL)
        os.kill(os.getpid(), status["signal"])
    os._exit(status["code"])

def leave(*_):
    time.sleep(behaviour["leaves_after"])
    end(behaviour["left"])

signal.signal(signal.SIGTERM, signal.SIG_IGN if behaviour["leaves_after"] is None else leave)
for text in behaviour["says"]:
    os.write(1, text.encode())
time.sleep(3600 if behaviour["ends_after"] is None else behaviour["ends_after"])
end(behaviour["end"])
"""

POLITE_COMMAND = (*_PYTHON, "import os, sys; os.kill(int(sys.argv[1]), 15)", "${PID}")
"""A stop command that asks by SIGTERM."""


def real_spec(behaviour: Behaviour) -> LaunchSpec:
    """Return what starts such a program; it needs this Python where it runs. Readiness is not acted out."""
    if behaviour.refusal:
        return LaunchSpec(("no-such-program",), BASE_URL)
    text = json.dumps(attrs.asdict(behaviour), default=bytes.decode)
    return LaunchSpec((*_PYTHON, _PROGRAM, text), BASE_URL)
