"""The command `swaplab-sim`: arguments in, a running engine out."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from enum import Enum
from typing import Any

import attrs

from swaplab_core.testing.sim.options import SimOptions
from swaplab_core.testing.sim.process import serve


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until SIGTERM; exits with code 0 then, 1 when it cannot listen."""
    options = parse(arguments)
    try:
        asyncio.run(serve(options))
    except OSError as error:
        sys.exit(f"swaplab-sim: cannot listen on {options.host}:{options.port}: {error.strerror} (use another --port)")


def parse(arguments: Sequence[str] | None = None) -> SimOptions:
    """Read a command line. A wrong one ends the program with code 2 and a message."""
    values: dict[str, Any] = vars(_parser().parse_args(arguments))
    values["load_stage"] = tuple(values["load_stage"])
    return SimOptions(**values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="swaplab-sim", description="A real OpenAI server that pretends to be an engine, as badly behaved as told."
    )
    groups: dict[str, Any] = {}
    for attribute in attrs.fields(SimOptions):
        group = attribute.metadata["group"]
        if group not in groups:
            groups[group] = parser.add_argument_group(group)
        groups[group].add_argument("--" + attribute.name.replace("_", "-"), **_argument(attribute))
    return parser


def _argument(attribute: attrs.Attribute[Any]) -> dict[str, Any]:
    """Translate one option into what argparse's add_argument takes."""
    about, default = attribute.metadata, attribute.default
    if default is False:
        return {"action": "store_true", "help": about["help"]}
    argument = {"type": about["parse"], "default": default, "metavar": about["metavar"], "help": about["help"]}
    if isinstance(default, Enum):
        argument["metavar"] = "|".join(choice.value for choice in type(default))
    if about["repeatable"]:
        argument |= {"action": "append", "default": []}
    if about["bare"] is not None:
        argument |= {"nargs": "?", "const": about["bare"]}
    if default:
        argument["help"] += f" (default: {default.value if isinstance(default, Enum) else default})"
    return argument
