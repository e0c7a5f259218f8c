"""How the commands talk to a running swaplab: plain HTTP from the standard library, so that they start fast."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Self
from urllib import error, request
from urllib.parse import quote

from attrs import field, frozen

from swaplab_core.adapters.admin_token import TokenFolder
from swaplab_core.domain.errors import SwaplabError

POLL_SECONDS = 0.2
SHOW_AFTER_SECONDS = 1.0
KEY_VARIABLE = "SWAPLAB_API_KEY"
"""The environment variable that holds a key for the server; command lines can be seen by everybody."""


class ServerSaid(SwaplabError):
    """The running swaplab refused, or is not there."""

    code = "server-said"


@frozen
class Client:
    """The routes that the commands use. Raises ServerSaid with the server's own message."""

    url: str
    key: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str, tokens: TokenFolder, environment: Mapping[str, str]) -> Self:
        """Take the key of the environment, else the admin token if a daemon of that folder serves there."""
        if key := environment.get(KEY_VARIABLE, ""):
            return cls(url, key)
        ours = url.replace("//localhost", "//127.0.0.1", 1)  # the name may lead to somebody else's ::1
        token = tokens.token_for(ours)
        return cls(ours, token) if token else cls(url)

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Any route that answers a JSON object; for the commands of plugins."""
        value = json.loads(self._call(method, path, body) or b"{}")
        if not isinstance(value, dict):
            raise ServerSaid(f"{self.url}{path} answered no JSON object")
        return value

    def models(self) -> list[dict[str, Any]]:
        """Every model with its state."""
        return list(self._json("GET", "/api/models", "models")["models"])

    def load(self, model: str) -> dict[str, Any]:
        """Return when the model is ready."""
        return self._json("POST", f"/api/models/load/{quote(model, safe='')}", "id")

    def unload(self, model: str | None) -> None:
        """Return when the model, or everything, is gone."""
        self._call("POST", "/api/models/unload" + (f"/{quote(model, safe='')}" if model else ""))

    def login_link(self) -> str:
        """Where a browser becomes the administrator, once."""
        return f"{self.url.rstrip('/')}/{self._json('POST', '/api/session/link', 'path', {})['path']}"

    def plan(self, model: str) -> dict[str, Any]:
        """What a request would do."""
        return self._json("POST", "/api/plan", "verdict", {"model": model})

    def _json(self, method: str, path: str, key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer, an object that holds `key`."""
        with contextlib.suppress(ValueError):
            value = json.loads(self._call(method, path, body))
            if isinstance(value, dict) and key in value:
                return value
        raise ServerSaid(f"{self.url} is no swaplab: it does not know {path}", advice="name another with --url")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "X-Swaplab": "1"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        try:
            call = request.Request(self.url.rstrip("/") + path, data, headers, method=method)  # noqa: S310 - the user's
            with request.build_opener(request.ProxyHandler({})).open(call) as response:
                return bytes(response.read())
        except error.HTTPError as answer:
            if answer.code == HTTPStatus.UNAUTHORIZED and not self.key:  # what it advises is for other programs
                advice = f"run this as the user who runs it, with its --state-dir, or set {KEY_VARIABLE}"
                raise ServerSaid(
                    f"{self.url} asks for a key, and no daemon of yours serves there", advice=advice
                ) from None
            raise ServerSaid(_message(answer.read(), answer.code)) from None
        except (OSError, ValueError, HTTPException) as cause:
            reason = getattr(cause, "reason", cause)
            advice = "start it with: swaplab serve --config FILE, or name another with --url"
            raise ServerSaid(f"no swaplab answers at {self.url}: {reason}", advice=advice) from None


def _message(body: bytes, status: int) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered {status}"


def show_load(client: Client, model: str) -> str:
    """Load with a progress bar, once it takes longer than a second; returns the line to print at the end."""
    outcome: list[dict[str, Any] | SwaplabError] = []

    def call() -> None:
        try:
            outcome.append(client.load(model))
        except SwaplabError as said:
            outcome.append(said)

    loader = threading.Thread(target=call, daemon=True)
    loader.start()
    loader.join(SHOW_AFTER_SECONDS)
    if loader.is_alive():
        _show_until(loader, client, model)
    (end,) = outcome
    if isinstance(end, SwaplabError):
        raise end
    return f"{end['id']} is ready"


def _show_until(loader: threading.Thread, client: Client, model: str) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - slow to import

    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), transient=True) as bar:
        task = bar.add_task(f"{model}: waiting", total=None)
        while loader.is_alive():
            state = next((m for m in client.models() if model in {m["id"], *m["aliases"]}), None)
            if state is not None:
                progress = state["progress"] or {}
                fraction = progress.get("fraction")
                stage = progress.get("stage") or state["state"]
                total = None if fraction is None else 1.0
                bar.update(task, description=f"{state['id']}: {stage}", total=total, completed=fraction or 0.0)
            loader.join(POLL_SECONDS)
