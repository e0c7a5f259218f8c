"""How lists are printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WHOLE = 100_000
"""Columns of a console that cuts nothing."""


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns. Long cells are folded in a terminal; elsewhere, where a program may read, nothing is."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WHOLE)
    table = Table(box=None, header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))  # not markup: a name may hold brackets
    console.print(table)
