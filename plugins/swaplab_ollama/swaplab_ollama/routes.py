"""The paths of Ollama's API, and who may use each.

All are served below `/api/plugins/ollama` too, so that address works as a client's base URL. `/api/version` is served
only there: at that path swaplab answers with its own version.
"""

from __future__ import annotations

from collections.abc import Iterator

from swaplab_core.plugin import Policy, Route, hookimpl
from swaplab_ollama.adapter import Handler, Ollama, in_ollamas_words, not_here

_FILE = "its models are entries in its configuration file"
_NOT_HERE = (
    ("POST", "/api/pull", f"it downloads no models, {_FILE}"),
    ("POST", "/api/push", f"it uploads no models, {_FILE}"),
    ("POST", "/api/create", f"it makes no models, {_FILE}"),
    ("POST", "/api/copy", f"give a model `aliases` instead, {_FILE}"),
    ("DELETE", "/api/delete", f"it deletes no models, {_FILE}"),
    ("GET", "/api/blobs/{digest}", "it keeps no weights"),
    ("POST", "/api/blobs/{digest}", "it keeps no weights"),
)


@hookimpl
def swaplab_routes() -> Iterator[Route]:
    """Offer Ollama's API."""
    ollama = Ollama()
    yield _route("POST", "/api/chat", Policy.INFER, ollama.chat)
    yield _route("POST", "/api/generate", Policy.INFER, ollama.generate)
    yield _route("POST", "/api/embed", Policy.INFER, ollama.embed)
    yield _route("POST", "/api/embeddings", Policy.INFER, ollama.embeddings)
    yield _route("GET", "/api/tags", Policy.READ, ollama.tags)
    yield _route("GET", "/api/ps", Policy.READ, ollama.processes)
    yield _route("POST", "/api/show", Policy.READ, ollama.show)
    for method, path, advice in _NOT_HERE:
        yield _route(method, path, Policy.READ, not_here(advice))
    yield Route(method="GET", path="/api/version", policy=Policy.READ, handler=ollama.version)
    yield Route(method="GET", path="/", policy=Policy.READ, handler=ollama.alive)


def _route(method: str, path: str, policy: Policy, handler: Handler) -> Route:
    return Route(method=method, path=path, policy=policy, handler=in_ollamas_words(handler), public_path=path)
