"""Actions: operations that plugins offer to people, each with a form, a guard and a plan."""

from __future__ import annotations

import enum
from typing import Any

from attrs import field, frozen

from swaplab_core.domain.access import Policy


@frozen
class NoInput:
    """The form of an action that asks nothing."""


class Confirm(enum.Enum):
    """How a person confirms: not at all, with a question, or by typing what is to be destroyed."""

    NONE = "none"
    ASK = "ask"
    TYPE = "type"


@frozen
class ActionSpec:
    """One action as it is shown. `id` is unique within its plugin, lower-case with underscores or dashes.

    `form` is an attrs class: its fields (metadata as `swaplab_core.plugin.form_field` sets it) become the form, and an
    instance of it is what the planner gets. `slots` say where the UI offers it (docs/reference/ui.md), `target` what
    one of them is about (`backend`, `model`, `node`, or "" for nothing). `unavailable` is the reason why it cannot be
    run now, "" when it can. `icon` is the name of a lucide icon.
    """

    id: str
    title: str
    form: type[Any] = NoInput
    description: str = ""
    icon: str = ""
    slots: tuple[str, ...] = ()
    target: str = ""
    policy: Policy = Policy.ADMIN
    confirm: Confirm = Confirm.NONE
    confirm_text: str = ""
    danger: bool = False
    preview: bool = True
    unavailable: str = ""
    order: int = field(default=100, kw_only=True)
