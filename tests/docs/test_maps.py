"""The docstring of a package is its map: whoever looks for a room finds it there."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch

import pytest
from repository import ROOT

PRODUCTS = [ROOT / "swaplab_core", *sorted((ROOT / "plugins").glob("swaplab_*/swaplab_*"))]
PACKAGES = sorted(init.parent for product in PRODUCTS for init in product.rglob("__init__.py"))
_NAME = re.compile(r"`([\w*]+)(?:\.py|/)?`")


def rooms(package):
    """The modules and packages in it, but for those that Python itself finds by their names."""
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return modules | {path.parent.name for path in package.glob("*/__init__.py")}


@pytest.mark.parametrize("package", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in PACKAGES])
def test_every_module_is_on_the_map_of_its_package(package):
    told = _NAME.findall(ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or "")
    missing = [room for room in sorted(rooms(package)) if not any(fnmatch(room, name) for name in told)]
    assert not missing, f"say in {package.name}/__init__.py, in a word or two, what lives there"
