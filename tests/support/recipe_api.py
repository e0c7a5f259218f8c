"""A lab in the test's own process with every backend of recipes, and folders of the kit around it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import yaml
from attrs import define
from running_lab import RunningLab, running_lab

from swaplab_core.builtin.recipe_backend import CustomBackend
from swaplab_core.builtin.recipe_schema1 import Schema1Parser
from swaplab_core.builtin.recipe_schema2 import Schema2Parser
from swaplab_core.testing.recipe_kit.folders import Kit, make_kit
from swaplab_llamacpp.backend import LlamaCppBackend
from swaplab_llamacpp.recipes import LlamaCppRecipeParser
from swaplab_sglang.backend import SglangBackend
from swaplab_trtllm.backend import TrtllmBackend
from swaplab_vllm.backend import VllmBackend

DRIVERS = (
    CustomBackend, VllmBackend, SglangBackend, TrtllmBackend, LlamaCppBackend,
    Schema1Parser, Schema2Parser, LlamaCppRecipeParser,
)  # fmt: skip
CONFIG = """\
# my models
startPort: 9000

models:
  # the oldest
  mine:
    cmd: my-server --port ${PORT}   # by hand
    ttl: 5
"""


@define
class Api:
    """A lab in this process, and the folders around it."""

    lab: RunningLab
    kit: Kit
    root: Path

    async def ask(self, method, path, body=None, *, status=200):
        answer = await self.lab.ask(method, path, json={} if body is None and method == "DELETE" else body)
        assert answer.status == status, f"{answer.status}: {answer.text}"
        return answer.json

    async def state(self):
        return await self.ask("GET", "/api/recipes/state")

    async def upsert(self, model, *, status=200, **fields):
        return await self.ask("POST", "/api/recipes/models", {"modelId": model, **fields}, status=status)

    async def model(self, name):
        return next(model for model in (await self.state())["models"] if model["modelId"] == name)

    @property
    def text(self):
        return (self.root / "config.yaml").read_text()

    @property
    def config(self):
        return yaml.safe_load(self.text)


def recipe_runner(tmp_path: Path, monkeypatch: Any) -> Any:
    """Make a function that runs a scenario against a lab; a second one in the same folder is a restart."""
    kit = make_kit(tmp_path)
    for name, value in kit.env.items():
        monkeypatch.setenv(name, value)
    for name in ("LLAMA_SWAP_RECIPES_DIR", "LLAMA_SWAP_RECIPES_BACKEND_DIR", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)

    def start(scenario, *, config=CONFIG, plugins=None):
        async def main():
            async with asyncio.timeout(120), running_lab(tmp_path, *DRIVERS, config=config, plugins=plugins) as lab:
                await scenario(Api(lab, kit, tmp_path))

        asyncio.run(main())

    start.kit = kit
    return start
