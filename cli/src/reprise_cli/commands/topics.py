"""`reprise topics`: what the log must look like, and making it so."""

import asyncio
from typing import Annotated

import typer

from common.kafka import topics
from common.kafka.topics import Change
from common.settings.reading import read
from reprise_cli.output import print_json, print_line, print_table
from reprise_cli.settings import TopicsSettings

app = typer.Typer(
    help="Compare the broker's topics with ours, and make them so.", no_args_is_help=True
)

AsJson = Annotated[bool, typer.Option("--json", help="Print the changes as JSON.")]


@app.command()
def diff(as_json: AsJson = False) -> None:
    """Show what `apply` would do; status 1 when there is something to do.

    Example: reprise topics diff --json
    """
    changes = asyncio.run(topics.diff(read(TopicsSettings).kafka))
    _show(changes, as_json=as_json, none="The topics are as they shall be.")
    if changes:
        raise typer.Exit(1)


@app.command()
def apply(as_json: AsJson = False) -> None:
    """Create what is missing and adjust what differs; partition counts are never changed.

    Example: reprise topics apply
    """
    changes = asyncio.run(topics.apply(read(TopicsSettings).kafka))
    _show(changes, as_json=as_json, none="Nothing to do.")


def _show(changes: list[Change], *, as_json: bool, none: str) -> None:
    if as_json:
        print_json([{"kind": c.kind, "topic": c.topic.name, "detail": c.detail} for c in changes])
    elif not changes:
        print_line(none)
    else:
        print_table(
            ["change", "topic", "detail"], [(c.kind, c.topic.name, c.detail) for c in changes]
        )
