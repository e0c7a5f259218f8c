"""docs/reference/drivers.md: the base classes of drivers, and what else a backend may be able to do."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from types import FunctionType

from swaplab_core.plugin import abilities, interface
from swaplab_core.plugin.catalogue import BACKENDS, EXECUTORS, RECIPE_PARSERS
from swaplab_core.plugin.recipe_parser import RecipeParser

INTRODUCTION = """\
# Drivers

A driver is a class that is picked by its name. Subclass the base class, give it a `name` and a `title`, and name it in
your distribution, under the same name:

```toml
[project.entry-points."swaplab.backends"]
mine = "swaplab_mine.backend:MyBackend"
```

The core makes one instance. A class that lacks something, or that cannot be imported, is left out, and
`swaplab plugins` says why. [Your first backend](../tutorial/first-backend.md) is one from beginning to end; the suites
in `swaplab_core.testing.contracts` are the tests that every driver must pass. A function that everyone may implement
is a [hook](hooks.md).
"""
ABILITIES = """\
## What else a backend may be able to do

Nothing of this is registered: a backend that has the methods and attributes of one of these is asked for them.
`swaplab_core.plugin.recipe_runner.RecipeBackend` has those of folders with a `run-recipe.sh`.
"""


def page() -> str:
    """Write the page."""
    drivers = ((interface.Backend, BACKENDS), (interface.Executor, EXECUTORS), (RecipeParser, RECIPE_PARSERS))
    kinds = filter(inspect.isclass, vars(abilities).values())
    extras = [kind for kind in kinds if kind.__module__ == abilities.__name__]
    return "\n".join(
        [
            INTRODUCTION,
            *(_section(kind, f"## {kind.__name__}: `{group}`", "###") for kind, group in drivers),
            ABILITIES,
            *(_section(kind, f"### {kind.__name__}", "####") for kind in extras),
            _section(interface.FindsPorts, "## What else an executor may be able to do: FindsPorts", "###"),
        ]
    )


def _section(kind: type, heading: str, below: str) -> str:
    return "\n".join([f"{heading}\n\n{inspect.getdoc(kind)}\n", *_attributes(kind), *_methods(kind, below)])


def _attributes(kind: type) -> Iterator[str]:
    lines = [
        f"{name}: {note}" + (f" = {_value(vars(kind)[name])}" if name in vars(kind) else "")
        for name, note in inspect.get_annotations(kind).items()
        if not name.startswith("_")
    ]
    if lines:
        yield "```python\n" + "\n".join(lines) + "\n```\n"


def _methods(kind: type, heading: str) -> Iterator[str]:
    for name, function in vars(kind).items():
        if isinstance(function, FunctionType) and not name.startswith("_"):
            word = "async def" if inspect.iscoroutinefunction(function) else "def"
            signature = str(inspect.signature(function)).replace("'", "")  # the annotations are text, in quotes
            need = "" if getattr(function, "__isabstractmethod__", False) or heading != "###" else " (may be left out)"
            yield f"{heading} {name}{need}\n\n```python\n{word} {name}{signature}\n```\n\n{inspect.getdoc(function)}\n"


def _value(value: object) -> str:
    """As ruff would have it, which looks at code in Markdown too."""
    return json.dumps(value) if isinstance(value, str) else repr(value).replace("'", '"')
