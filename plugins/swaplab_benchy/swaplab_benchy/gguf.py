"""A `tokenizer.json` from the tokenizer inside a GGUF file, for tokenizers of the byte-level kind (`gpt2`).

GGUF's header is a list of typed keys and values; only the keys of the tokenizer are kept. Reads a file, so its callers
run it off the event loop. Source: the GGUF specification of ggml.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from swaplab_core.plugin import PluginFailed

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_SPECIAL_TYPES = frozenset({2, 3, 4, 5})
"""Token types unknown, control, user-defined and unused: written as they are, never joined."""
_MOST_KEYS, _MOST_ITEMS = 4096, 4_000_000


def tokenizer_json(path: Path) -> dict[str, Any]:
    """Read the file and answer the document. Raises PluginFailed when there is no such tokenizer in it."""
    try:
        with path.open("rb") as file:
            keys = _read_keys(file)
    except (OSError, struct.error, UnicodeDecodeError, ValueError, MemoryError) as error:
        raise PluginFailed(f"{path.name} cannot be read as GGUF: {error}", advice="is the file complete?") from None
    return _document(path.name, keys)


def _document(name: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    kind = keys.get("tokenizer.ggml.model")
    tokens, merges = keys.get("tokenizer.ggml.tokens"), keys.get("tokenizer.ggml.merges")
    if kind != "gpt2" or not isinstance(tokens, list) or not isinstance(merges, list):
        raise PluginFailed(
            f"the tokenizer in {name} is of the kind {kind!r}, which cannot be turned into a tokenizer.json",
            advice="name one: a repository of the hub (org/name) or a folder with a tokenizer.json",
        )
    types = keys.get("tokenizer.ggml.token_type") or [1] * len(tokens)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added(i, tokens[i]) for i in range(len(tokens)) if types[i] in _SPECIAL_TYPES],
        "normalizer": None,
        "pre_tokenizer": _pre_tokenizer(str(keys.get("tokenizer.ggml.pre", ""))),
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": _model(tokens, merges),
    }


def _model(tokens: list[str], merges: list[str]) -> dict[str, Any]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {token: number for number, token in enumerate(tokens)},
        "merges": merges,
    }


def _added(number: int, content: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": content, **flags}


def _pre_tokenizer(pre: str) -> dict[str, Any]:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    if pre != "smollm":
        return byte_level
    return {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]}


def _read_keys(file: BinaryIO) -> dict[str, Any]:
    if file.read(4) != b"GGUF":
        raise ValueError("it does not begin with GGUF")
    _version, _tensors, count = struct.unpack("<IQQ", file.read(20))
    if count > _MOST_KEYS:
        raise ValueError(f"it claims to hold {count} keys")
    return dict(_pair(file) for _ in range(count))


def _pair(file: BinaryIO) -> tuple[str, Any]:
    return _text(file), _value(file, _number(file, "I"))


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _TEXT:
        return _text(file)
    if kind == _ARRAY:
        return _array(file)
    if kind not in _SCALARS:
        raise ValueError(f"it holds a value of the unknown type {kind}")
    return _number(file, _SCALARS[kind])


def _array(file: BinaryIO) -> list[Any]:
    kind, count = _number(file, "I"), _number(file, "Q")
    if count > _MOST_ITEMS:
        raise ValueError(f"it claims a list of {count} items")
    if kind in {_TEXT, _ARRAY}:
        return [_value(file, kind) for _ in range(count)]
    layout = f"<{count}{_SCALARS[kind]}"
    return list(struct.unpack(layout, file.read(struct.calcsize(layout))))


def _text(file: BinaryIO) -> str:
    return file.read(_number(file, "Q")).decode("utf-8", "replace")


def _number(file: BinaryIO, kind: str) -> Any:
    return struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))[0]
