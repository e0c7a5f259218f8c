"""Model names: in Ollama `llama3` and `llama3:latest` are one model."""

from __future__ import annotations

LATEST = ":latest"


def candidates(name: str) -> tuple[str, str]:
    """Return the names a model may have here, the likelier first: as written, and without or with the default tag."""
    return name, name.removesuffix(LATEST) if name.endswith(LATEST) else name + LATEST
