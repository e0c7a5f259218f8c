"""A text for prompts that needs no network: plain English sentences made by rule, the same on every machine. Pure.

llama-benchy takes its text from a file named by the hash of a URL in its cache; `cache_name` is that of ours. Speeds do
not depend on what a prompt says, only on its length, and prompts of one run differ by where they begin.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from functools import cache

BOOK = "swaplab-corpus-1"
"""Named where llama-benchy wants a URL; the number changes with the text, so that results can be told apart."""

PARAGRAPHS = 420
_SEED = 20261127

_SUBJECTS = (
    "the keeper of the lighthouse", "a young surveyor", "the old ferry", "the village council", "her neighbour",
    "the night train", "an engineer from the coast", "the second expedition", "a quiet librarian", "the harbour master",
    "every apprentice", "the mountain school", "their small orchestra", "the river", "a passing merchant",
)  # fmt: skip
_VERBS = (
    "remembered", "measured", "repaired", "described", "carried", "followed", "painted", "counted", "questioned",
    "sheltered", "translated", "explained", "collected", "guarded", "imagined",
)  # fmt: skip
_OBJECTS = (
    "the broken clock in the square", "a letter without a name", "three maps of the northern bay", "the copper bells",
    "seventeen jars of honey", "the plans for a wooden bridge", "an argument about the tides", "the first snow",
    "a basket of unripe pears", "the rules of the long game", "the shadow of the mill", "a song from the islands",
    "the price of salt", "an unfinished table", "the stars above the quarry",
)  # fmt: skip
_PLACES = (
    "before the market opened", "under the railway arches", "while the kettle cooled", "on the far side of the valley",
    "between two long storms", "in the year of the dry well", "without saying a word", "near the painted gate",
    "as the lamps were lit", "for the second time that week", "at the edge of the marsh", "with borrowed tools",
)  # fmt: skip
_LINKS = ("and so", "because", "although", "until", "but then", "while", "whenever")


@cache
def text() -> str:
    """The whole corpus, some hundred and thirty thousand characters."""
    return "\n\n".join(_paragraphs(random.Random(_SEED)))  # noqa: S311 - words, no secrets


def cache_name() -> str:
    """The file name under which llama-benchy looks for it in its cache folder."""
    return hashlib.md5(BOOK.encode(), usedforsecurity=False).hexdigest() + ".txt"


def _paragraphs(chance: random.Random) -> Iterator[str]:
    for _ in range(PARAGRAPHS):
        yield " ".join(_sentence(chance) for _ in range(chance.randint(2, 5)))


def _sentence(chance: random.Random) -> str:
    clause = _clause(chance)
    if chance.random() < 0.4:
        clause = f"{clause}, {chance.choice(_LINKS)} {_clause(chance)}"
    return f"{clause[0].upper()}{clause[1:]}."


def _clause(chance: random.Random) -> str:
    words = [chance.choice(_SUBJECTS), chance.choice(_VERBS), chance.choice(_OBJECTS)]
    return " ".join([*words, chance.choice(_PLACES)] if chance.random() < 0.7 else words)
