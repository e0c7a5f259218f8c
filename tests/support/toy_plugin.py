"""The plugin of tests/fixtures/toy_plugin, installed as pip would: on Python's path, with its entry point."""

from __future__ import annotations

import shutil
from pathlib import Path

from repository import ROOT

SOURCE = ROOT / "tests" / "fixtures" / "toy_plugin"


def install_toy_plugin(folder: Path) -> None:
    """Make it importable from `folder`, and known to swaplab."""
    shutil.copytree(SOURCE, folder / "toy_plugin", ignore=shutil.ignore_patterns("__pycache__"))
    info = folder / "toy_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[swaplab.plugins]\ntoy = toy_plugin:PLUGIN\n")
