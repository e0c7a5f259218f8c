"""A daemon of its own process with recipe folders around it, asked as its administrator."""

from __future__ import annotations

from typing import Any

from attrs import define
from running_swaplab import Swaplab

from swaplab_core.testing.recipe_kit.folders import Kit


@define(eq=False)
class RecipeLab:
    """A daemon and the kit it runs with."""

    kit: Kit
    swaplab: Swaplab

    def call(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        """Send one request as the administrator, and read its JSON."""
        token = (self.swaplab.config.parent / "state" / "swaplab" / "admin-token").read_text()
        headers = {"Authorization": f"Bearer {token}", "X-Swaplab": "1"}
        answer = self.swaplab.ask(method, path, json_body=body, headers=headers)
        assert answer.status == status, f"{answer.status}: {answer.text}"
        return answer.json()

    def config(self) -> str:
        """The configuration file as it is."""
        return self.swaplab.config.read_text()
