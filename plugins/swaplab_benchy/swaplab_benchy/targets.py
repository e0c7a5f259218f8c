"""Which names and which tokenizer a run uses for a model. Pure.

A tokenizer is a repository of the Hugging Face hub (`org/name`) or a local file or folder. The order in which it is
looked for is in `tokenizer_of`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

_GGUF_SUFFIX = re.compile(r"(?i)([-_.]?gguf)+$")
_YES = frozenset({"1", "t", "true", "yes", "on"})
_NO = frozenset({"0", "f", "false", "no", "off"})


@frozen
class ModelFacts:
    """What is known of a model. `asked` is the name that was asked for, `id` the configured one.

    `gguf_file` is the file it runs when that is known and ends in .gguf, `reads_gguf` whether it runs GGUF weights.
    """

    asked: str
    id: str
    use_model_name: str = ""
    aliases: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(factory=dict)
    reads_gguf: bool = False
    gguf_file: str = ""


@frozen
class Target:
    """What goes to llama-benchy: the served name (what requests say), the shown name, and the tokenizer."""

    served: str
    shown: str
    tokenizer: str
    trust_remote_code: bool


def target_of(facts: ModelFacts, *, tokenizer: str, own_address: bool, trust_remote_code: bool | None) -> Target:
    """Decide for one model. `own_address`: requests go through this server, which knows the name asked for."""
    found = tokenizer_of(facts, tokenizer)
    served = facts.asked if own_address else _upstream_name(facts, found)
    trust = trusts_remote_code(facts.metadata) if trust_remote_code is None else trust_remote_code
    return Target(served, found if is_repository(found) else served, found, trust)


def tokenizer_of(facts: ModelFacts, given: str) -> str:
    """The tokenizer: what was given, else what the metadata name, else what the model's names tell.

    A given value that only repeats the model's own name counts as not given.
    """
    told = _from_metadata(facts.metadata)
    if given and given not in {facts.id, facts.use_model_name}:
        found = repository_of_folder(given) or given
    elif told:
        return told
    else:
        found = _from_names(facts)
    return without_gguf_suffix(found) if facts.reads_gguf and not told else found


def is_repository(text: str) -> bool:
    """Whether it has the form of a repository of the hub: `org/name`, no path."""
    return "/" in text and not text.startswith(("/", "~", "."))


def repository_of_folder(text: str) -> str:
    """`models--org--name`, the hub's name of a cache folder, as `org/name`; "" when it is none."""
    parts = text.split("--")
    if "/" in text or parts[0].lower() != "models" or len(parts) < 3:
        return ""
    org, name = parts[1].strip(), "--".join(parts[2:]).strip()
    return f"{org}/{name}" if org and name else ""


def without_gguf_suffix(repository: str) -> str:
    """The repository of the unquantised model, which has a tokenizer: `org/name-GGUF` is `org/name`."""
    if not is_repository(repository):
        return repository
    org, _, name = repository.partition("/")
    bare = _GGUF_SUFFIX.sub("", name).strip()
    return f"{org}/{bare}" if bare else repository


def trusts_remote_code(metadata: Mapping[str, Any]) -> bool:
    """What the model's metadata say about running code of its repository; no word means no."""
    nested = metadata.get("benchy")
    inner = nested if isinstance(nested, Mapping) else {}
    places = (
        metadata.get("benchy_trust_remote_code"),
        metadata.get("trust_remote_code"),
        inner.get("trust_remote_code"),
        inner.get("trustRemoteCode"),
    )
    told = next((value for value in places if value is not None), None)
    return bool(_truth(told))


def _truth(value: object) -> bool | None:
    match value:
        case bool() | int() | float():
            return bool(value)
        case str() if value.strip().lower() in _YES:
            return True
        case str() if value.strip().lower() in _NO:
            return False
    return None


def _from_metadata(metadata: Mapping[str, Any]) -> str:
    nested = metadata.get("benchy")
    inner = nested.get("tokenizer") if isinstance(nested, Mapping) else None
    for value in (metadata.get("benchy_tokenizer"), metadata.get("tokenizer"), inner):
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _from_names(facts: ModelFacts) -> str:
    for name in (facts.id, facts.use_model_name, *facts.aliases):
        if found := repository_of_folder(name):
            return found
        if is_repository(name):
            return name
    return facts.id


def _upstream_name(facts: ModelFacts, tokenizer: str) -> str:
    """What an engine that is asked directly calls the model."""
    if facts.use_model_name:
        return facts.use_model_name
    if is_repository(tokenizer):
        return tokenizer
    return next((alias for alias in facts.aliases if is_repository(alias)), facts.asked)
