"""Where the files of a plugin's module lie: the top folder of its file, in its package, which is not imported."""

from __future__ import annotations

import importlib.util
from pathlib import Path, PurePosixPath

from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.view import Module


def module_folder(module: Module) -> Path:
    """The folder that is served. Raises PluginFailed when there is none."""
    parts = PurePosixPath(module.file).parts
    if len(parts) < 2 or ".." in parts or module.file.startswith("/"):
        raise PluginFailed(f"the module file {module.file!r} must lie in a folder of its package, as static/page.js")
    folder = _package_folder(module.package) / parts[0]
    if not folder.is_dir():
        raise PluginFailed(f"the package {module.package!r} has no folder {parts[0]!r}")
    return folder


def module_name(file: str) -> str:
    """The name of a file below that folder."""
    return str(PurePosixPath(*PurePosixPath(file).parts[1:]))


def _package_folder(package: str) -> Path:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    locations = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not locations:
        raise PluginFailed(f"there is no package {package!r}")
    return Path(locations[0])
