"""The picture of a model's phases is drawn from the engine's table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_picture_shows_the_present_table():
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / "draw_phases.py", "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
