"""Which plugins a configuration leaves out.

That is read before anything else of it: what the other keys may hold depends on the plugins that are loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from attrs import frozen

from swaplab_core.config.document import ListNode, Scalar
from swaplab_core.config.environment import stood_in
from swaplab_core.config.text import parse

KEY = "disabledPlugins"
CORE = "swaplab-core"

_NOTHING: Mapping[str, str] = MappingProxyType({})


@frozen
class SwitchedOff:
    """What is installed and was not loaded: names of backends and of plugins, each with its distribution."""

    backends: Mapping[str, str] = _NOTHING
    plugins: Mapping[str, str] = _NOTHING


NOBODY_OFF = SwitchedOff()


def canonical(distribution: str) -> str:
    """Write the name of a distribution as package indexes compare it: `Swaplab_vLLM` is `swaplab-vllm`."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def disabled_plugins(texts: Sequence[str]) -> frozenset[str]:
    """Return the distributions that these files leave out. What cannot be read is told when they are loaded."""
    return frozenset(name for text in texts if KEY in text for name in _named(text))


def _named(text: str) -> Iterator[str]:
    root = parse(stood_in(text), "").root
    written = None if root is None else root.get(KEY)
    for item in written.items if isinstance(written, ListNode) else ():
        if isinstance(item, Scalar):
            yield canonical(item.text)
