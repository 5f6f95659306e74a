"""What the parts of a benchmark hand back, and how it is shown."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    """One figure: what was measured, the value with its unit, and what it stands beside."""

    what: str
    figure: str
    beside: str = ""


def show(title: str, rows: Iterable[Row], *, as_json: bool = False) -> None:
    if as_json:
        print(json.dumps([row._asdict() for row in rows], indent=2))
        return
    table = Table(title=title, title_justify="left")
    for column in ("what", "figure", "beside"):
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console()
    # a file has no width: nothing need be left out there
    (console if console.is_terminal else Console(width=160)).print(table)
