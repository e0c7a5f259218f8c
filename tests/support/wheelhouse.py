"""Wheels of what is installed here, so that pip can install it elsewhere without a network."""

from __future__ import annotations

import re
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement


def make_wheelhouse(folder: Path, *names: str) -> Path:
    """Fill a folder with everything that these distributions need; they themselves are left out."""
    folder.mkdir()
    needed: dict[str, Distribution] = {}
    for name in names:
        _collect(name, needed)
    for name, installed in needed.items():
        if name not in names:
            _write(folder, installed)
    return folder


def _collect(name: str, needed: dict[str, Distribution]) -> None:
    installed = distribution(name)
    key = re.sub(r"[-_.]+", "-", installed.name).lower()
    if key in needed:
        return
    needed[key] = installed
    for text in installed.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            _collect(requirement.name, needed)


def _write(folder: Path, installed: Distribution) -> None:
    """Pack the files that its RECORD names. Programs are made anew by pip, and signatures are for the whole."""
    tag = re.findall(r"^Tag: (\S+)", installed.read_text("WHEEL") or "", re.MULTILINE)[-1]
    stem = re.sub(r"[-_.]+", "_", installed.name)
    left_out = re.compile(r"^\.\./|__pycache__|\.dist-info/(INSTALLER|REQUESTED|direct_url\.json)$")
    with zipfile.ZipFile(folder / f"{stem}-{installed.version}-{tag}.whl", "w") as archive:
        for file in installed.files or ():
            if not left_out.search(str(file)):
                archive.write(str(file.locate()), str(file))
