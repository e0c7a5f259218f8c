"""The demo: a folder with a configuration of models that run on this machine, real ones where possible."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from swaplab_core.config.schema import DEFAULT_START_PORT
from swaplab_core.domain.demo import DemoModel
from swaplab_core.plugin.hooks import Hooks

SIMULATOR = "swaplab-sim"
ENOUGH = 2


@frozen
class Demo:
    """What was prepared: the models, and the configuration file in the demo's folder."""

    models: tuple[DemoModel, ...]
    config: Path


def prepare_demo(
    hooks: Hooks, find_program: Callable[[str], str | None], folder: Path, *, start_port: int = DEFAULT_START_PORT
) -> Demo:
    """Ask the plugins what they can show, simulate the rest, and write the folder. Files already there are kept."""
    models = choose_models(hooks.demo_models(find_program))
    folder.mkdir(parents=True, exist_ok=True)
    for model in models:
        for name, make in model.files.items():
            if not (folder / name).exists():
                (folder / name).write_bytes(make())
    config = folder / "config.yaml"
    config.write_text(render_config(models, folder, start_port), encoding="utf-8")
    return Demo(models, config)


def choose_models(real: Sequence[DemoModel]) -> tuple[DemoModel, ...]:
    """Real models first; simulated ones, named as such, up to the two that a swap needs."""
    return (*real, *(_simulated(letter) for letter in "ab"[: max(0, ENOUGH - len(real))]))


def render_config(models: Sequence[DemoModel], folder: Path, start_port: int) -> str:
    """The configuration file, with one comment line for each model."""
    lines = ["# Written by `swaplab demo` at each start; copy it to make it yours."]
    lines += [f"startPort: {start_port}", "models:"]
    for model in models:
        lines += [f"  # {model.title}", f"  {json.dumps(model.id)}:"]
        lines += [f"    {key}: {json.dumps(value)}" for key, value in _placed(model.entry, folder).items()]
    return "\n".join(lines) + "\n"


def _placed(entry: Mapping[str, object], folder: Path) -> dict[str, object]:
    place = str(folder.resolve())
    return {k: v.replace("{demo}", place) if isinstance(v, str) else v for k, v in entry.items()}


def _simulated(letter: str) -> DemoModel:
    name = f"simulated-{letter}"
    say = f"I am {name}: no model, only swaplab's simulator. Install an engine to talk to a real one."
    return DemoModel(
        id=name,
        entry={
            "name": f"Simulated {letter.upper()}",
            "cmd": f"{SIMULATOR} --port ${{PORT}} --model {name} --say {shlex.quote(say)}",
        },
        title="SIMULATED: answers a fixed text, there is no model behind it",
        simulated=True,
    )
