"""The engines' own metrics passed through, each sample with the label `model` added.

Engines are hostile: only lines that are well-formed samples pass, none may use a name of ours, and of each family the
whole page gets one block, as the format demands, whatever order and however many engines it came from.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator

from attrs import define, field, frozen

from swaplab_core.ports import HttpReader

TIMEOUT_SECONDS = 2.0
LIMIT_BYTES = 2 * 2**20
"""A vLLM that has worked for days tells a tenth of that."""
OWN_NAMES = ("llamaswap_", "swaplab_")
TYPES = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*"'
_NUMBER = r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|Inf|NaN)"
_SAMPLE = re.compile(
    rf"(?P<name>{_NAME})(?:\{{(?P<labels>{_LABEL}(?:,{_LABEL})*)?,?\}})?"
    rf"[ \t]+(?P<value>{_NUMBER}(?:[ \t]+-?\d+)?)[ \t]*",
    re.ASCII,
)
_LABELS = re.compile(_LABEL)
_META = re.compile(rf"#[ \t]+(?P<what>HELP|TYPE)[ \t]+(?P<name>{_NAME})(?:[ \t]+(?P<text>.*))?", re.ASCII)
_SUFFIXES = ("", "_bucket", "_sum", "_count", "_total", "_created")


@frozen
class Engine:
    """A ready model, and where its engine's metrics are."""

    model: str
    base_url: str
    path: str = "/metrics"


@define
class Family:
    """One metric: its HELP and TYPE, "" when nobody told, and its samples."""

    help: str = ""
    type: str = ""
    samples: list[str] = field(factory=list)

    def lines(self, name: str) -> Iterator[str]:
        """Write it down."""
        if self.help:
            yield f"# HELP {name} {self.help}"
        if self.type:
            yield f"# TYPE {name} {self.type}"
        yield from self.samples


Families = dict[str, Family]


async def fetch(http: HttpReader, engines: Iterable[Engine]) -> bytes:
    """Ask all engines at the same time; one that does not answer, or answers too much, is left out."""
    asked = list(engines)
    answers = await asyncio.gather(
        *(http.read(e.base_url, e.path, timeout_seconds=TIMEOUT_SECONDS, limit_bytes=LIMIT_BYTES) for e in asked)
    )
    pages = [(engine.model, page) for engine, page in zip(asked, answers, strict=True) if page is not None]
    return await asyncio.to_thread(merged, pages)


def merged(pages: Iterable[tuple[str, bytes]]) -> bytes:
    """One page of many: model and text of each. Of two that call a name differently the first is right."""
    together: Families = {}
    for model, page in pages:
        for name, family in families(page.decode("utf-8", "replace"), model).items():
            known = together.setdefault(name, Family(family.help, family.type))
            if known.type == family.type:
                known.samples += family.samples
    return "".join(f"{line}\n" for name, family in together.items() for line in family.lines(name)).encode()


def families(text: str, model: str) -> Families:
    """Read a page; what is no metric is left out, as are names of ours and families that are told in two pieces."""
    found: Families = {}
    current = ""
    for line in text.split("\n"):
        if meta := _META.fullmatch(line.rstrip("\r")):
            current = meta["name"]
            _note(found.setdefault(current, Family()), meta["what"], meta["text"] or "")
        elif (sample := _SAMPLE.fullmatch(line.rstrip("\r"))) and (labels := _labels(sample["labels"] or "", model)):
            current = current if _belongs(sample["name"], current) else sample["name"]
            found.setdefault(current, Family()).samples.append(f"{sample['name']}{{{labels}}} {sample['value']}")
    return {name: family for name, family in found.items() if family.samples and not name.startswith(OWN_NAMES)}


def escape(value: str) -> str:
    """Write a label's value."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _note(family: Family, what: str, text: str) -> None:
    if what == "HELP":
        family.help = family.help or text
    elif text.strip() in TYPES:
        family.type = family.type or text.strip()


def _belongs(sample: str, family: str) -> bool:
    return any(sample == family + suffix for suffix in _SUFFIXES)


def _labels(written: str, model: str) -> str:
    """Ours comes first; the engine's own `model` is called `exported_model`, as Prometheus itself would.

    "" when a label stands there twice: Prometheus would refuse the whole page.
    """
    theirs = [label.partition("=") for label in _LABELS.findall(written)]
    names = ["model", *("exported_model" if name == "model" else name for name, _, _ in theirs)]
    values = [f'"{escape(model)}"', *(value for _, _, value in theirs)]
    if len(set(names)) < len(names):
        return ""
    return ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
