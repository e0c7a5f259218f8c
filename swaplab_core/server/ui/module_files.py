"""Files of plugins for the pages: ES modules and what lies beside them, from the plugins' packages.

The URL of a file holds the digest of all files of its folder, so browsers keep it for ever, and a page that is older
than the plugin gets 404 instead of a mixture. Only the folders that a plugin names in a Module can be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field, frozen

from swaplab_core.domain.errors import PluginFailed
from swaplab_core.domain.view import Module
from swaplab_core.plugin.modules import module_folder, module_name

DIGEST_CHARACTERS = 12


@frozen
class Folder:
    """A folder that is served: `digest` changes with anything in it."""

    path: Path
    digest: str


@define(eq=False)
class ModuleFiles:
    """The folders by plugin and digest, as they were when a manifest was last made."""

    _folders: dict[tuple[str, str], Folder] = field(factory=dict, init=False)
    _seen: dict[Path, tuple[object, Folder]] = field(factory=dict, init=False)

    def urls(self, plugin: str, module: Module) -> tuple[str, tuple[str, ...]]:
        """The addresses of a module and its style sheets, relative to the server's root. Raises PluginFailed."""
        folder = self._folder(plugin, module)
        base = f"ui/plugins/{plugin}/{folder.digest}"
        for name in (module.file, *module.css):
            if not (folder.path / module_name(name)).is_file():
                raise PluginFailed(f"the package {module.package!r} has no file {name!r}")
        return f"{base}/{module_name(module.file)}", tuple(f"{base}/{module_name(name)}" for name in module.css)

    def find(self, plugin: str, digest: str, name: str) -> Path | None:
        """The file of an address; None when there is none, or not any more."""
        folder = self._folders.get((plugin, digest))
        if folder is None:
            return None
        path = folder.path / name
        return path if path.is_file() and path.resolve().is_relative_to(folder.path.resolve()) else None

    def _folder(self, plugin: str, module: Module) -> Folder:
        path = module_folder(module)
        stamp = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in _files(path))
        seen = self._seen.get(path)
        if seen is None or seen[0] != stamp:
            seen = stamp, Folder(path, _digest(path))
            self._seen[path] = seen
        self._folders[plugin, seen[1].digest] = seen[1]
        return seen[1]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in _files(folder):
        whole.update(f"{path.relative_to(folder)}\0".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()[:DIGEST_CHARACTERS]
