"""`reprise consumers`: who reads what, how far behind, and who is paused."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from common.clock import SystemClock
from common.settings.reading import read
from reprise_cli.commands.consumers_pause import pause, resume
from reprise_cli.commands.options import AsJson
from reprise_cli.consumer_states import ConsumerState, consumer_states
from reprise_cli.output import print_json, print_line, print_table
from reprise_cli.schemas import chosen_groups
from reprise_cli.settings import ConsumersSettings
from reprise_cli.spans import say_span

app = typer.Typer(
    help="Consumer groups: what they do, and pausing and resuming them.", no_args_is_help=True
)


@app.command("list")
def list_consumers(
    group: Annotated[str | None, typer.Argument(help="Only this group.")] = None,
    members: Annotated[
        bool, typer.Option("--members", help="Also which process has which partitions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show each group; status 1 when one is paused or nobody reads as it.

    Example: reprise consumers list catalog.uploads --members
    """
    chosen = chosen_groups(group, hint="GROUP")
    states = asyncio.run(consumer_states(read(ConsumersSettings), chosen))
    if as_json:
        print_json([_plain(state) for state in states])
    else:
        _print(states, SystemClock().now(), members=members)
    if any(state.state != "running" for state in states):
        raise typer.Exit(1)


app.command()(pause)
app.command()(resume)


def _print(states: list[ConsumerState], now: datetime, *, members: bool) -> None:
    columns = ["group", "state", "lag", "behind", "parked keys", "dead letters", "assigned"]
    print_table(columns, [_row(state) for state in states])
    for state in states:
        if state.pause is not None and state.pause.paused_at is not None:
            since = say_span(now - state.pause.paused_at)
            print_line(f"{state.group} is paused for {since}: {state.pause.reason}")
            print_line(f"  reprise consumers resume {state.group} --yes")
    if members:
        rows = [
            (state.group, member.client, member.host, _numbers(member.partitions))
            for state in states
            for member in state.members.members
        ]
        print_table(["group", "client", "host", "partitions"], rows)


def _row(state: ConsumerState) -> tuple[str, ...]:
    return (
        state.group,
        state.state,
        str(state.lag_records),
        f"{state.lag_seconds:.0f} s",
        str(state.parked_keys),
        str(state.dead_letters),
        f"{state.assigned}/{state.partitions}",
    )


def _numbers(partitions: tuple[str, ...]) -> str:
    return " ".join(partition.rpartition(":")[2] for partition in partitions)


def _plain(state: ConsumerState) -> dict[str, object]:
    paused = state.pause if state.paused else None
    return {
        "group": state.group,
        "topic": state.topic,
        "state": state.state,
        "paused_at": paused.paused_at.isoformat() if paused and paused.paused_at else None,
        "reason": paused.reason if paused else None,
        "phase": state.members.phase,
        "members": [
            {"client": member.client, "host": member.host, "partitions": member.partitions}
            for member in state.members.members
        ],
        "assigned": state.assigned,
        "partitions": state.partitions,
        "lag_records": state.lag_records,
        "lag_seconds": round(state.lag_seconds, 3),
        "parked_keys": state.parked_keys,
        "dead_letters": state.dead_letters,
    }
