"""The paths of inference: what is routed by a model's name, watched, and open to pages that bring a key."""

from __future__ import annotations

from swaplab_core.server.inference.model_path import origin_form

POSTED = (
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/completions",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/reranking",
    "/rerank",
    "/reranking",
    "/infill",
    "/completion",
    "/v1/audio/speech",
    "/v1/audio/voices",
    "/v1/audio/transcriptions",
    "/v1/images/generations",
    "/v1/images/edits",
    "/sdapi/v1/txt2img",
    "/sdapi/v1/img2img",
    "/audioapi/v1/tasks/run",
    "/v/chat/completions",
    "/v/responses",
    "/v/completions",
    "/v/messages",
    "/v/messages/count_tokens",
    "/v/embeddings",
    "/v/rerank",
    "/v/reranking",
)
ASKED = ("/v1/audio/voices", "/sdapi/v1/loras", "/props")
"""GET routes that name their model in the query."""
REMOVED_PREFIXES = ("/v/", "/audioapi/")
"""Parts of our path that the upstream does not know; its path begins with the slash at their end."""


def upstream_path(target: str, query: str | None = None) -> str:
    """The path that the upstream is asked for, with the request's query or another one."""
    path = origin_form(target)
    for prefix in REMOVED_PREFIXES:
        if path.startswith(prefix):
            path = path[len(prefix) - 1 :]
    if query is None:
        return path
    return path.partition("?")[0] + (f"?{query}" if query else "")
