"""Daemons with recipe folders: the test kit's runners, containers and engines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
from attrs import define
from recipe_texts import VLLM
from running_swaplab import Swaplab, running_swaplab

from swaplab_core.testing.recipe_kit.folders import Kit, Style, make_kit


@define(eq=False)
class RecipeLab:
    """A daemon and the kit it runs with."""

    kit: Kit
    swaplab: Swaplab

    def call(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        token = (self.swaplab.config.parent / "state" / "swaplab" / "admin-token").read_text()
        headers = {"Authorization": f"Bearer {token}", "X-Swaplab": "1"}
        answer = self.swaplab.ask(method, path, json_body=body, headers=headers)
        assert answer.status == status, f"{answer.status}: {answer.text}"
        return answer.json()

    def state(self) -> dict[str, Any]:
        return self.call("GET", "/api/recipes/state")

    def recipe(self, identity: str) -> dict[str, Any]:
        [found] = [recipe for recipe in self.state()["recipes"] if recipe["identity"] == identity]
        return found

    def model(self, model: str) -> dict[str, Any]:
        [found] = [found for found in self.state()["models"] if found["modelId"] == model]
        return found

    def config(self) -> str:
        return self.swaplab.config.read_text()


class MakeLab(Protocol):
    def __call__(
        self, models: Mapping[str, Any] | None = None, *, env: Mapping[str, str] | None = None, **top: Any
    ) -> RecipeLab:
        """Start a daemon; folders of the kit must be there before."""


@pytest.fixture
def kit(tmp_path) -> Kit:
    return make_kit(tmp_path)


@pytest.fixture
def lab(kit, tmp_path) -> Iterator[MakeLab]:
    """Start daemons in the kit's world; at the end no container may be left."""
    with contextlib.ExitStack() as running:

        def start(models=None, *, env=None, **top):
            daemon = running_swaplab(tmp_path, models or {}, env={**kit.env, **(env or {})}, **top)
            return RecipeLab(kit, running.enter_context(daemon))

        yield start
    assert kit.containers() == []


@pytest.fixture
def vllm_folder(kit) -> Path:
    return kit.folder(
        "spark-vllm-docker", Style.GEN2, {"small.yaml": VLLM, "deep/other.yaml": VLLM.replace("small", "other")}
    )
