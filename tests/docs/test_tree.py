"""The repository itself: entry points that exist, and nothing in it of the machine it was written on."""

from __future__ import annotations

import importlib
import re

import pytest
from repository import ROOT, files, projects

LOCK_FILES = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"}
FOREIGN = [
    r"/wor" + r"k/",
    r"(?<!:)/roo" + r"t/",  # not the inside of a container, as in `-v cache:…`
    r"/hom" + r"e/(?!me\b|you\b|user\b)\w+",
    r"/User" + r"s/\w+",
    r"\bpypi\.(org|io)\b",
    r"pythonhosted\.org",
    r"registry\.(npmjs|yarnpkg)\.",
    r"(deb|security)\.debian\.org",
    r"proxy\.golang\.org",
]
"""Paths of a person's machine, and hosts of package registries; written so that this file does not find itself."""


def targets():
    """Every script and entry point of every distribution: (project, name, target)."""
    for path, content in projects().items():
        project = content["project"]
        groups = [project.get("scripts", {}), *project.get("entry-points", {}).values()]
        for group in groups:
            for name, target in group.items():
                yield path, name, target


@pytest.mark.parametrize(
    ("project", "target"),
    [pytest.param(path, target, id=f"{path.parent.name} {name}") for path, name, target in targets()],
)
def test_every_entry_point_can_be_imported(project, target, monkeypatch):
    monkeypatch.syspath_prepend(str(project.parent))
    module, _, attribute = target.partition(":")
    found = importlib.import_module(module)
    assert not attribute or getattr(found, attribute)


def test_core_and_plugins_share_one_version():
    ours = {path: content["project"] for path, content in projects().items() if "examples" not in path.parts}
    assert len({project["version"] for project in ours.values()}) == 1
    version = next(iter(ours.values()))["version"]
    for path, project in ours.items():
        if path.parent != ROOT:
            assert f"swaplab-core=={version}" in project["dependencies"], path


def texts():
    for path in files():
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue


def test_no_file_names_a_machine_or_a_registry():
    pattern = re.compile("|".join(FOREIGN))
    found = [f"{path.relative_to(ROOT)}: {match[0]}" for path, text in texts() for match in pattern.finditer(text)]
    assert not found


def test_there_is_no_lock_file():
    assert not [path for path in files() if path.name in LOCK_FILES]


def test_the_package_is_the_one_of_this_folder():
    """Otherwise all of the above would be said of another checkout."""
    assert importlib.import_module("swaplab_core").__file__ == str(ROOT / "swaplab_core/__init__.py")
