"""docs/reference/hooks.md: every hook with its arguments and its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import pluggy

from swaplab_core.plugin import hookspecs

INTRODUCTION = """\
# Hooks

A hook is a function that every installed plugin may implement. Put the functions into a module, mark them with
`@hookimpl` (from `swaplab_core.plugin`), and name the module in your distribution:

```toml
[project.entry-points."swaplab.plugins"]
mine = "swaplab_mine.hooks"
```

An implementation may leave out arguments that it does not need. It is `def` or `async def` as the hook is. When it
raises, its own answer is lost, the others count, and `swaplab plugins` shows the error.

Choosing one backend by name is not a hook: see [your first backend](../tutorial/first-backend.md).
"""


def specifications() -> Iterator[tuple[str, Callable[..., object]]]:
    """Answer name and function of every hook, in the order of the file."""
    manager = pluggy.PluginManager("swaplab")
    for name, function in vars(hookspecs).items():
        if manager.parse_hookspec_opts(hookspecs, name) is not None:
            yield name, function


def page() -> str:
    """Write the page."""
    return "\n".join([INTRODUCTION, *(_section(name, function) for name, function in specifications())])


def _section(name: str, function: Callable[..., object]) -> str:
    kind = "async def" if inspect.iscoroutinefunction(function) else "def"
    arguments = str(inspect.signature(function)).replace("'", "")  # the annotations are text, in quotes
    signature = f"```python\n{kind} {name}{arguments}\n```"
    return f"## {name}\n\n{signature}\n\n{inspect.getdoc(function)}\n"
