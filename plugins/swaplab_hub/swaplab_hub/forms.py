"""The forms of the actions, and what they become. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.plugin import Options, form_field
from swaplab_hub import names
from swaplab_hub.library import DownloadRequest
from swaplab_hub.weights import GGUF

ROOT = "api/plugins/hub"
_CHOICES = Options(f"{ROOT}/choices", value="id", label="label", depends_on=("/repo", "/revision"), free=True)
_MACHINES = Options(f"{ROOT}/machines", value="id", label="title")
_BACKENDS = Options(f"{ROOT}/backends", value="id", label="label", depends_on=("/repo",))


@frozen
class DownloadForm:
    """What to download."""

    repo: str = form_field("Model", help="organisation/name", placeholder="Qwen/Qwen3-8B", widget="hf-model")
    weights: str = form_field(
        "Weights", "auto", options=_CHOICES, help="auto: safetensors where there are some; gguf:Q4_K_M and the like"
    )
    revision: str = form_field("Revision", "", help="a branch, tag or commit; empty: main", advanced=True)
    include: tuple[str, ...] = form_field(
        "Only files like", (), help="instead of the weights: *.Q4_K_M.gguf; with commas", advanced=True
    )
    exclude: tuple[str, ...] = form_field("No files like", (), help="*.onnx; with commas", advanced=True)

    def request(self) -> DownloadRequest:
        """Check the fields. Raises InvalidRequest."""
        return DownloadRequest(
            names.check_repo(self.repo),
            names.check_revision(self.revision),
            check_weights(self.weights),
            tuple(map(names.check_pattern, self.include)),
            tuple(map(names.check_pattern, self.exclude)),
        )


@frozen
class BackendDownloadForm:
    """The same, in the words of the older route for actions."""

    model: str = form_field("Model", help="organisation/name", placeholder="Qwen/Qwen3-8B", widget="hf-model")
    format: Literal["safetensors", "gguf"] = form_field("Format", "safetensors")
    quantization: str = form_field("Quantisation", "", placeholder="Q4_K_M", show_if={"/format": "gguf"})

    def request(self) -> DownloadRequest:
        """Check the fields. Raises InvalidRequest."""
        wanted = self.format if self.format != GGUF else f"{GGUF}:{self.quantization.strip()}"
        return DownloadRequest(names.check_repo(self.model), weights=check_weights(wanted))


@frozen
class DeleteForm:
    """What of a model goes, and where."""

    revisions: tuple[str, ...] = form_field(
        "Only these revisions", (), help="branches or commits, with commas; none: all of it", advanced=True
    )
    machines: tuple[str, ...] = form_field("On these machines, too", (), options=_MACHINES, help="all of it, there")
    even_if_used: bool = form_field("Even if it is used", default=False, help="models of the configuration name it")


@frozen
class RecipeForm:
    """What is made of a cached model."""

    repo: str = form_field("Model", help="organisation/name, from the cache", widget="hf-model")
    backend: str = form_field("Backend", "", options=_BACKENDS, help="empty: the first that loads such weights")
    model_id: str = form_field("Name", "", help="of the model that clients ask for; empty: as on the hub")


def download_request(body: Mapping[str, Any]) -> DownloadRequest:
    """Read the fields of a download from JSON. Raises InvalidRequest."""
    lists: dict[str, tuple[str, ...]] = {}
    for key in ("include", "exclude"):
        value = body.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise InvalidRequest(f"{key} must be a list of patterns", advice='write ["*.json"]')
        lists[key] = tuple(value)
    texts = {key: body.get(key) or "" for key in ("repo", "revision", "weights")}
    for key, text in texts.items():
        if not isinstance(text, str):
            raise InvalidRequest(f"{key} must be a text")
    return DownloadForm(str(texts["repo"]), str(texts["weights"]) or "auto", str(texts["revision"]), **lists).request()


def check_weights(text: str) -> str:
    """Return which weights are wanted. Raises InvalidRequest."""
    wanted = text.strip() or "auto"
    if not wanted.isprintable() or len(wanted) > 120 or wanted.startswith("-"):
        raise InvalidRequest(f"{text!r} are no weights", advice="write auto, safetensors, all or gguf:Q4_K_M")
    return wanted
