"""Where an access token would be found; the token itself is not read. Blocks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def token_fact(environment: Mapping[str, str], home: Path, setting: str) -> str:
    """Say for people whether there is one."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if environment.get(name):
            return f"from {name}"
    file = _file(environment, home, setting)
    return f"from {file}" if file.is_file() else "none: gated models need one in HF_TOKEN"


def _file(environment: Mapping[str, str], home: Path, setting: str) -> Path:
    if setting or environment.get("HF_TOKEN_PATH"):
        return Path(setting or environment["HF_TOKEN_PATH"]).expanduser()
    if environment.get("HF_HOME"):
        return Path(environment["HF_HOME"]).expanduser() / "token"
    cache = environment.get("XDG_CACHE_HOME") or home / ".cache"
    return Path(cache) / "huggingface" / "token"
