"""Two ways to answer: a table for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """A table on standard output; without colours when it is not a terminal."""
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def print_line(text: str) -> None:
    """One line for a person."""
    Console(highlight=False, soft_wrap=True).print(text, markup=False)
