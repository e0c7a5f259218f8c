"""The plain-command driver keeps the promises of every driver."""

from __future__ import annotations

from swaplab_core.builtin.command_backend import CommandBackend, CommandOptions
from swaplab_core.testing.contracts.backend import BackendContract


class TestCommandBackend(BackendContract):
    backend = CommandBackend
    samples = (CommandOptions(("true",)), CommandOptions(("vllm", "serve", "-x", "--port", "5800", "a b")))
