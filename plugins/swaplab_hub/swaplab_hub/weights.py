"""Which files of a repository are wanted: the weights once and in one format, and what an engine reads beside them.

Repositories hold the same weights several times: in parts and as one file, for several libraries, in a dozen
quantisations. A *choice* is one of them, with its name: `safetensors`, `pytorch`, `gguf:Q4_K_M`, `all`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from attrs import frozen

from swaplab_core.domain.errors import InvalidRequest

AUTO, ALL, SAFETENSORS, PYTORCH, GGUF = "auto", "all", "safetensors", "pytorch", "gguf"

_WEIGHTS = frozenset(
    {
        ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".onnx_data", ".tflite", ".gguf",
        ".ggml", ".ot", ".mlmodel", ".npz", ".nemo", ".engine", ".pkl", ".tar", ".zip", ".gz", ".litertlm", ".task",
    }
)  # fmt: skip
_MEDIA = frozenset(
    {".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".mp4", ".webm", ".mp3", ".wav", ".pdf", ".ipynb"}
)
_FOREIGN_FOLDERS = frozenset({"original", "onnx", "openvino", "coreml", "tflite", "metal", "runs", ".eval_results"})
"""Folders with the same model for somebody else."""
_SKIPPED = frozenset({".gitattributes", ".gitignore", "README.md"})

_PART = re.compile(r"-(\d{5})-of-(\d{5})$")
_QUANTISATION = re.compile(
    r"(?:^|[-._/])((?:UD-)?(?:I?Q\d_[A-Z0-9]+(?:_[A-Z0-9]+)*|I?Q\d|TQ\d_0|BF16|FP?16|FP?32|MXFP4(?:_MOE)?|NVFP4))(?=$|[-._/])",
    re.IGNORECASE,
)
_PROJECTOR = re.compile(r"(^|[-._/])mmproj", re.IGNORECASE)


@frozen
class RemoteFile:
    """A file of a repository; `blob` is the name that its content has in the cache."""

    path: str
    size: int
    blob: str = ""
    is_large: bool = False

    @property
    def suffix(self) -> str:
        """The end of its name."""
        return PurePosixPath(self.path).suffix.lower()


@frozen
class Choice:
    """One way to have a repository. `bytes` counts what comes with it, too."""

    id: str
    title: str
    files: tuple[RemoteFile, ...]

    @property
    def bytes(self) -> int:
        """How much it is."""
        return sum({file.blob or file.path: file.size for file in self.files}.values())


def choices(files: Sequence[RemoteFile]) -> list[Choice]:
    """Every way to have a repository, the usual one first."""
    found = []
    beside = companions(files)
    if weights := _safetensors(files):
        found.append(Choice(SAFETENSORS, "safetensors", (*weights, *beside)))
    for label, group in quantisations(files).items():
        found.append(Choice(f"{GGUF}:{label}", label, (*group, *_projector(files), *beside)))
    if not weights and (old := _pytorch(files)):
        found.append(Choice(PYTORCH, "PyTorch", (*old, *beside)))
    found.append(Choice(ALL, "everything", tuple(files)))
    return found


def select(
    files: Sequence[RemoteFile], wanted: str = AUTO, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> tuple[RemoteFile, ...]:
    """Return the files of a choice, without those that `exclude` names. `include` takes the place of the weights.

    Raises InvalidRequest, naming what there is.
    """
    if include:
        named = [file for file in files if _matches(file, include)]
        if not named:
            raise InvalidRequest(f"no file is like {', '.join(include)}", advice=f"there are: {_some(files)}")
        chosen: Iterable[RemoteFile] = (*named, *companions(files))
    else:
        chosen = _choice(files, wanted).files
    kept = [file for file in dict.fromkeys(chosen) if not _matches(file, exclude)]
    if not kept:
        raise InvalidRequest("nothing is left to download", advice="exclude less")
    return tuple(kept)


def quantisations(files: Iterable[RemoteFile]) -> dict[str, tuple[RemoteFile, ...]]:
    """The GGUF models of a repository by their quantisation, each with all its parts, the smallest first.

    Two of one quantisation are told apart by their names.
    """
    models: dict[str, list[RemoteFile]] = {}
    for file in files:
        if file.suffix == ".gguf" and not _PROJECTOR.search(file.path):
            models.setdefault(_PART.sub("", file.path.removesuffix(".gguf")), []).append(file)
    labels = [_label(name) for name in models]
    named = {
        (label if labels.count(label) == 1 else PurePosixPath(name).name): tuple(sorted(parts, key=lambda f: f.path))
        for label, (name, parts) in zip(labels, models.items(), strict=True)
    }
    return dict(sorted(named.items(), key=lambda item: sum(file.size for file in item[1])))


def companions(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    """What engines read beside weights: configuration, tokenizer, chat template, code, licence."""
    return tuple(file for file in files if _is_companion(file))


def formats(paths: Iterable[str]) -> tuple[str, ...]:
    """The formats of weights among files, the usual ones."""
    suffixes = {PurePosixPath(path).suffix.lower() for path in paths}
    known = {GGUF: ".gguf", SAFETENSORS: ".safetensors", PYTORCH: ".bin"}
    return tuple(name for name, suffix in known.items() if suffix in suffixes)


def first_gguf(paths: Iterable[str], sizes: dict[str, int]) -> str:
    """The file with which the largest GGUF model among these begins, "" when there is none."""
    groups = quantisations(RemoteFile(path, sizes.get(path, 0)) for path in paths)
    return list(groups.values())[-1][0].path if groups else ""


def quantisation_of(path: str) -> str:
    """The quantisation that a file's name tells, "" when it tells none."""
    found = _QUANTISATION.findall(_PART.sub("", path.removesuffix(".gguf")))
    return str(found[-1]).upper() if found else ""


def _choice(files: Sequence[RemoteFile], wanted: str) -> Choice:
    known = choices(files)
    by_id = {choice.id.lower(): choice for choice in known}
    if wanted.lower() in by_id:
        return by_id[wanted.lower()]
    quantised = [choice for choice in known if choice.id.startswith(f"{GGUF}:")]
    if wanted == AUTO and not known[0].id.startswith(f"{GGUF}:"):
        return known[0]
    kind, _, part = wanted.lower().partition(":")
    if wanted == AUTO or kind == GGUF:
        fitting = [choice for choice in quantised if part in choice.id.lower()]
        if len(fitting) == 1:
            return fitting[0]
    names = ", ".join(choice.id for choice in known)
    raise InvalidRequest(f"{wanted!r} does not say which weights", advice=f"choose one of: {names}")


def _label(name: str) -> str:
    return quantisation_of(f"{name}.gguf") or PurePosixPath(name).name


def _projector(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    """The one that vision models need, in 16 bits where there are several."""
    found = [file for file in files if file.suffix == ".gguf" and _PROJECTOR.search(file.path)]
    half = [file for file in found if quantisation_of(file.path) in {"F16", "FP16"}]
    return tuple((half or found)[:1])


def _safetensors(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    found = [file for file in files if file.suffix == ".safetensors" and not _is_foreign(file)]
    names = {PurePosixPath(file.path).name for file in found}
    if any(name.startswith("model") for name in names):
        found = [file for file in found if not PurePosixPath(file.path).name.startswith("consolidated")]
    return tuple(found)


def _pytorch(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    own = [file for file in files if file.suffix in {".bin", ".pt", ".pth"} and not _is_foreign(file)]
    own = [file for file in own if not PurePosixPath(file.path).name.startswith(("training_args", "optimizer"))]
    return tuple([file for file in own if file.suffix == ".bin"] or own)


def _is_companion(file: RemoteFile) -> bool:
    name = PurePosixPath(file.path).name
    return file.suffix not in _WEIGHTS | _MEDIA and name not in _SKIPPED and not _is_foreign(file)


def _is_foreign(file: RemoteFile) -> bool:
    return bool(_FOREIGN_FOLDERS & {part.lower() for part in PurePosixPath(file.path).parts[:-1]})


def _matches(file: RemoteFile, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(file.path, pattern) for pattern in patterns)


def _some(files: Sequence[RemoteFile]) -> str:
    shown = [file.path for file in files[:8]]
    return ", ".join(shown) + (", …" if len(files) > len(shown) else "")
