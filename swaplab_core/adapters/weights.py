"""How large the weights are that a command line names: files, folders, and repositories in the cache of the hub.

Looks at the disk, so it is called on a thread. What cannot be found counts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

SUFFIXES = frozenset({".gguf", ".safetensors", ".bin", ".pt", ".pth", ".onnx"})
MOST_FILES = 5000
_SHARD = re.compile(r"-\d{5}-of-\d{5}(?=\.[a-z]+$)")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def weights_bytes(argv: Sequence[str], env: Mapping[str, str], home: Path) -> int:
    """The size of all weights that these arguments name. `env` and `home` tell where the hub's cache is."""
    files = {file for word in _words(argv) for file in _files_of(word, env, home)}
    return sum(_size(file) for file in files)


def _words(argv: Sequence[str]) -> Iterator[str]:
    for argument in argv[1:]:
        yield argument.partition("=")[2] if argument.startswith("-") and "=" in argument else argument


def _files_of(word: str, env: Mapping[str, str], home: Path) -> Iterable[Path]:
    if not word or word.startswith("-") or "\0" in word or "\n" in word:
        return ()
    try:
        path = Path(word)
        if path.suffix in SUFFIXES and path.is_file():
            return _with_shards(path)
        if path.is_absolute() and path.is_dir() and len(path.parts) > 2:
            return _weights_in(path)
        if _REPOSITORY.fullmatch(word):
            return _newest_snapshot(_hub(env, home) / f"models--{word.replace('/', '--')}")
    except OSError:  # too long for a name, or not ours to read
        return ()
    return ()


def _with_shards(path: Path) -> Iterable[Path]:
    if not _SHARD.search(path.name):
        return (path.resolve(),)
    return [each.resolve() for each in path.parent.glob(_SHARD.sub("-*-of-*", path.name))]


def _weights_in(folder: Path) -> Iterable[Path]:
    found = (path for _, path in zip(range(MOST_FILES), folder.iterdir(), strict=False))
    return [path.resolve() for path in found if path.suffix in SUFFIXES and path.is_file()]


def _newest_snapshot(repository: Path) -> Iterable[Path]:
    snapshots = sorted((repository / "snapshots").glob("*"), key=lambda path: path.stat().st_mtime)
    if not snapshots:
        return ()
    found = (path for _, path in zip(range(MOST_FILES), snapshots[-1].rglob("*"), strict=False))
    return [path.resolve() for path in found if path.suffix in SUFFIXES and path.is_file()]


def _hub(env: Mapping[str, str], home: Path) -> Path:
    if cache := env.get("HF_HUB_CACHE"):
        return Path(cache)
    return Path(env.get("HF_HOME") or home / ".cache" / "huggingface") / "hub"


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
