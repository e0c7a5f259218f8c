"""Request targets: finding a model in `/upstream/<model>/<rest>`, where both may hold slashes and percent-encoding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import unquote, urlsplit

from attrs import frozen

M = TypeVar("M")


@frozen
class ModelPath(Generic[M]):
    """The model that a path names, and what follows it, byte for byte as it came.

    `rest` is the path below the model with its leading slash and query, "" when the path ends with the model's name.
    """

    model: M
    rest: str
    query: str


def split_model_path(raw: str, resolve: Callable[[str], M | None]) -> ModelPath[M] | None:
    """Take the longest leading part of `raw` (without a leading slash, query included) that `resolve` knows."""
    path, question, query = raw.partition("?")
    cuts = [index for index, char in enumerate(path) if char == "/"] + [len(path)]
    for cut in reversed(cuts):
        model = resolve(unquote(path[:cut]))
        if model is not None:
            return ModelPath(model, path[cut:], question + query)
    return None


def origin_form(target: str) -> str:
    """Path and query of a request target, as written; a client that takes us for its proxy names a whole URL."""
    if target.startswith("/"):
        return target
    url = urlsplit(target)
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def raw_query(target: str) -> str:
    """The query of a request target as written, its percent-encoding too."""
    return origin_form(target).partition("?")[2]
