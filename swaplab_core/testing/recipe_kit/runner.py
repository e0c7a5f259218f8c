"""The twin of `run-recipe.py`: it reads the recipe, renders it by Python's rules and hands a script to the launcher.

It keeps the traps of the real one: a misspelt flag becomes an argument of the engine, no placement means a question on
the terminal, and SIGTERM to it alone leaves the launcher running.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess  # noqa: TID251 - the test kit drives processes from outside
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

OVERRIDES = ("port", "host", "tensor_parallel", "gpu_memory_utilization", "max_model_len")


def main(folder: Path, flags: Sequence[str], argv: Sequence[str] | None = None) -> int:
    """Run a recipe of `folder`; `flags` are those that this generation knows."""
    words = list(sys.argv[1:] if argv is None else argv)
    own, behind = (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    options, unknown = _parser(flags).parse_known_args(own)
    engine_args = [*unknown, *behind]
    recipe = _read(folder, options.ref)
    if options.solo and recipe.get("cluster_only"):
        return _fail("Error: this recipe needs a cluster, and --solo was given")
    if recipe.get("solo_only") and len((options.nodes or "").split(",")) > 1:
        return _fail("Error: this recipe runs on one node only")
    if not options.solo and not options.nodes:
        return _fail("No nodes configured. Run autodiscover now? [y/N] ")
    script = _script(recipe, options, engine_args)
    image = options.container or recipe["container"]
    launcher = [str(folder / "launch-cluster.sh"), "-t", image, "--name", options.name]
    launcher += ["--solo"] if options.solo else ["-n", options.nodes]
    if options.dry_run:
        sys.stdout.write(f"{script}\n{shlex.join(launcher)}\n")
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as file:
        file.write(script)
    try:
        return subprocess.run([*launcher, "--launch-script", file.name], check=False).returncode  # noqa: S603 - its own launcher
    finally:
        Path(file.name).unlink()


def _parser(flags: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run-recipe", allow_abbrev=False)
    parser.add_argument("ref")
    parser.add_argument("--solo", action="store_true")
    parser.add_argument("-n", "--nodes")
    parser.add_argument("-t", "--container")
    parser.add_argument("--name", default="vllm_node")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--tp", "--tensor-parallel", dest="tensor_parallel")
    parser.add_argument("--gpu-mem", "--gpu-memory-utilization", dest="gpu_memory_utilization")
    for flag in ("--port", "--host", "--max-model-len", "--master-port"):
        parser.add_argument(flag)
    for flag in ("--mem-limit-gb", "--mem-swap-limit-gb", "--pids-limit", "--shm-size-gb"):
        parser.add_argument(flag)
    for flag in ("--non-privileged", "--ray", "--no-ray"):
        if flag in flags or flag == "--non-privileged":
            parser.add_argument(flag, action="store_true")
    return parser


def _read(folder: Path, ref: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415, TID251 - the real runner reads with it, so its twin does, and only it needs it

    names = (ref, f"{ref}.yaml", f"{ref}.yml")
    candidates = [Path(name) for name in names] + [folder / "recipes" / name for name in names]
    for path in [folder / path for path in candidates]:
        if path.is_file():
            recipe: dict[str, Any] = yaml.safe_load(path.read_text())
            missing = [key for key in ("name", "recipe_version", "container", "command") if key not in recipe]
            if missing:
                sys.exit(_fail(f"Error: recipe is missing required field '{missing[0]}'"))
            return recipe
    sys.exit(_fail(f"Error: recipe not found: {ref}"))


def _script(recipe: dict[str, Any], options: argparse.Namespace, engine_args: Sequence[str]) -> str:
    given = {name: value for name in OVERRIDES if (value := getattr(options, name)) is not None}
    values = {**(recipe.get("defaults") or {}), **({"tensor_parallel": 1} if options.solo else {}), **given}
    try:
        command = recipe["command"].format(**values)
    except KeyError as error:
        sys.exit(_fail(f"Error: missing parameter {error}"))
    if options.solo:
        command = re.sub(r"--distributed-executor-backend[ =]\S+", "", command)
    lines = [line for line in command.split("\n") if line.strip() not in {"", "\\"}]
    command = "\n".join(lines).rstrip().removesuffix("\\").rstrip()
    exports = [f'export {name}="{value}"' for name, value in (recipe.get("env") or {}).items()]
    return "\n".join(["#!/bin/bash", *exports, " ".join([command, *map(shlex.quote, engine_args)]), ""])


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 1
