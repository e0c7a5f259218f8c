"""The wire formats a simulated engine answers in, pure: values in, JSON and stream events out.

`interface` what a dialect is · `usage` how token counts and speeds are written · `chat` and `completion` OpenAI's ·
`responses` OpenAI's newer one · `anthropic` messages · `llamacpp` llama.cpp's own.
"""

from __future__ import annotations

from swaplab_core.testing.sim.dialects.anthropic import Messages
from swaplab_core.testing.sim.dialects.chat import Chat
from swaplab_core.testing.sim.dialects.completion import Completion
from swaplab_core.testing.sim.dialects.interface import Dialect, Exchange, Json
from swaplab_core.testing.sim.dialects.llamacpp import Infill, NativeCompletion
from swaplab_core.testing.sim.dialects.responses import Responses

__all__ = ["Chat", "Completion", "Dialect", "Exchange", "Infill", "Json", "Messages", "NativeCompletion", "Responses"]
