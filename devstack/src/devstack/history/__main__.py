"""`python -m devstack.history check`: the program that judges what a system left behind."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from devstack.errors import DevstackError
from devstack.history.check import check as violations_of
from devstack.history.collect import addresses_of, collect
from devstack.repository import ROOT, topology
from devstack.stack import Stack

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@app.callback()
def program() -> None:
    """Check a history."""


@app.command()
def check(
    home: Annotated[Path, typer.Option(help="The stack's folder.")] = ROOT / ".dev",
    acks: Annotated[Path | None, typer.Option(help="What clients were told (JSON lines).")] = None,
    *,
    moving: Annotated[
        bool, typer.Option("--moving", help="The system still works: what is under way is fine.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the violations as JSON.")] = False,
) -> None:
    """Read acks, outboxes, topics and tables; status 1 when a promise is broken, 2 when unread."""
    try:
        stack = Stack(topology(), home)
        history = asyncio.run(collect(addresses_of(stack), acks, quiet=not moving))
    except DevstackError as error:
        typer.echo(f"reprise: {error}", err=True)
        raise typer.Exit(2) from error
    found = violations_of(history)
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            print(f"{one.kind:20} {one.detail}")
        size = f"{len(history.rows)} rows, {len(history.records)} records"
        print(f"{len(found)} violations in {size}, {len(history.acks)} acknowledgements")
    raise typer.Exit(1 if found else 0)


if __name__ == "__main__":
    app()
