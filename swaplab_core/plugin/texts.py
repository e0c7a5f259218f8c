"""The texts of a plugin in other languages: `texts/es.json` in its package, an object of texts by their English words.

Nothing is registered: a package has the file or has it not, and what is not in it is shown in English. Sentences with
values have places for them, `{n} of {all} nodes answer`; the pages find the one that a text fits (`ui/src/lib/state`).
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from importlib.util import find_spec

from swaplab_core.domain.errors import PluginFailed

FOLDER = "texts"
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_PLACE = re.compile(r"\{(\w+)(?:\|[^|}]*\|[^|}]*)?\}")


def package_texts(package: str, language: str) -> dict[str, str]:
    """The texts that a package has in a language, {} where it has none. Raises PluginFailed for another shape."""
    return dict(_read(package, language)) if _LANGUAGE.fullmatch(language) else {}


@cache
def _read(package: str, language: str) -> dict[str, str]:
    found = find_spec(package)
    if found is None or found.submodule_search_locations is None:  # a single module
        return {}
    file = files(package) / FOLDER / f"{language}.json"
    if not file.is_file():
        return {}
    texts = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(texts, dict) or not all(isinstance(text, str) and text for text in texts.values()):
        raise PluginFailed(
            f"{FOLDER}/{language}.json of {package} is not an object of texts", advice='write {"Name": "Nombre"}'
        )
    for text, translation in texts.items():
        if unknown := set(_PLACE.findall(translation)) - set(_PLACE.findall(text)):
            raise PluginFailed(
                f"{FOLDER}/{language}.json of {package} says {{{min(unknown)}}} where {text!r} has no such place",
                advice="use the names of the English text",
            )
    return texts
