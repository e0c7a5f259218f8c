"""What helps to find out why something is wrong, in one file to attach to a report; secrets are hidden."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from swaplab_core.config.redact import HIDDEN, LONG_ENOUGH, hidden_in

README = """What this holds: versions and plugins, the checks of plugins, the configuration, the models and their state,
the machine, jobs, and the end of the log. Values named like keys, tokens and passwords are replaced by <redacted>, and
so are the API keys wherever they stand. Look through it before you send it to somebody.
"""


def bundle(parts: Mapping[str, Any], secrets: Iterable[str] = ()) -> bytes:
    """A ZIP archive: texts as they are, other values as JSON, and a README; none of the `secrets` stands in it."""
    known = sorted((each for each in secrets if len(each) >= LONG_ENOUGH), key=len, reverse=True)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README)
        for name, value in parts.items():
            text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
            archive.writestr(name, _harmless(text, known))
    return out.getvalue()


def _harmless(text: str, known: Iterable[str]) -> str:
    for secret in known:
        text = text.replace(secret, HIDDEN)
    return hidden_in(text)
