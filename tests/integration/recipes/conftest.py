"""Daemons with recipe folders: the test kit's runners, containers and engines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import pytest
from recipe_lab import RecipeLab
from running_swaplab import running_swaplab

from swaplab_core.testing.recipe_kit.folders import Kit, make_kit


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
