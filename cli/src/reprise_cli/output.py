"""Two ways to answer: a table for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, default=str))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    separated: bool = False,
) -> None:
    """A table on standard output; without colours when it is not a terminal.

    `separated` draws lines between rows, for cells of several lines.
    """
    Console(highlight=False).print(table_of(columns, rows, title=title, separated=separated))


def table_of(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    separated: bool = False,
) -> Table:
    """The table itself, to be shown again and again. Cells are text as it is, brackets too."""
    table = Table(
        title=title or None, title_justify="left", header_style="bold", show_lines=separated
    )
    for number, column in enumerate(columns):
        # a long word goes on in the next line: cut off it may have been the one that mends it
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def count(number: int, noun: str) -> str:
    """`1 key`, `2 keys`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_line(text: str) -> None:
    """One line for a person."""
    Console(highlight=False, soft_wrap=True).print(text, markup=False)


def print_warning(text: str) -> None:
    """One line for a person, beside the answer: on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)
