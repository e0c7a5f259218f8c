"""What the commands of a plugin get: the running daemon, asked over HTTP with the best key there is."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Protocol

import click

CONNECT = "swaplab.connect"
"""Where the command line puts what makes a client, in the `meta` of click's context."""


class ServerClient(Protocol):
    """The running daemon."""

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask for `path` (percent-encoded, query included) and answer the JSON object that came.

        Raises SwaplabError with the server's own message when it refuses or is not there.
        """
        ...


def pass_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the daemon (a ServerClient) as its first argument.

    Commands of plugins take `--url` and `--state-dir`, which say which daemon that is.
    """

    def connected(*args: Any, **options: Any) -> Any:
        connect = click.get_current_context().meta.get(CONNECT)
        if connect is None:
            raise click.UsageError("this command runs as a part of swaplab")
        return command(connect(), *args, **options)

    return update_wrapper(connected, command)
