"""Options that several commands share."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do it. Without this nothing changes: see what would be done.")
]
Operator = Annotated[
    str | None,
    typer.Option(
        "--operator", help="Name to write down for this; default: your account's ($USER)."
    ),
]
Group = Annotated[str | None, typer.Option("--group", help="Consumer group, as `catalog.uploads`.")]
