"""docs/reference/errors.md: every exception that a person can meet, with its code and status."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from http import HTTPStatus

import swaplab_core
from reference.markdown import code, sentence, summary, table
from swaplab_core.domain.errors import SwaplabError
from swaplab_core.server.errors import status_of

INTRODUCTION = """\
# Errors

Every error has a message that says what is wrong and what to do, and a code that does not change. On the wire:

```json
{"error": {"message": "no model named 'quen' is configured (did you mean 'qwen'?)",
           "type": "invalid_request_error", "param": null, "code": "unknown-model"}}
```

A refusal that passes by itself (429, 503) carries `Retry-After`. In a stream that has begun, the same object comes as
`event: error`, and then the connection is cut: a broken answer never looks complete.

Errors without a status are printed by the command `swaplab`, which then ends with exit code 1. The tree is in
[swaplab_core/domain/errors.py](../../swaplab_core/domain/errors.py).
"""


def page() -> str:
    """Write the page."""
    rows = [(code(kind.code), _status(kind), code(kind.__name__), sentence(summary(kind))) for kind in exceptions()]
    return f"{INTRODUCTION}\n{table(('code', 'status', 'exception', 'when'), rows)}"


def exceptions() -> Iterator[type[SwaplabError]]:
    """Answer every exception of the product, parents first."""
    for module in pkgutil.walk_packages(swaplab_core.__path__, "swaplab_core."):
        if not module.name.startswith("swaplab_core.testing"):
            importlib.import_module(module.name)
    yield from _tree(SwaplabError)


def _tree(kind: type[SwaplabError]) -> Iterator[type[SwaplabError]]:
    yield kind
    for child in sorted(kind.__subclasses__(), key=lambda child: child.__name__):
        if child.__module__.startswith("swaplab_core.") and not child.__module__.startswith("swaplab_core.testing"):
            yield from _tree(child)


def _status(kind: type[SwaplabError]) -> str:
    status = status_of(kind.__new__(kind))
    is_answered = kind is SwaplabError or status is not HTTPStatus.INTERNAL_SERVER_ERROR
    return str(int(status)) if is_answered else ""
