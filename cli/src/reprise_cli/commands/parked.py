"""`reprise parked`: keys that a consumer group could not take yet."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from common.clock import SystemClock
from common.postgres.parked_keys import ParkedKey, parked_keys
from common.settings.reading import read
from common.telemetry.scrub import scrub
from reprise_cli.commands.options import AsJson, Group
from reprise_cli.commands.parked_discard import discard
from reprise_cli.commands.parked_retry import retry
from reprise_cli.output import print_json, print_line, print_table
from reprise_cli.schemas import chosen_groups, open_schema, service_of
from reprise_cli.settings import ConsumersSettings
from reprise_cli.spans import say_span

app = typer.Typer(
    help="Keys that wait because a group could not take an event of theirs yet.",
    no_args_is_help=True,
)


@app.command("list")
def list_keys(
    group: Group = None,
    limit: Annotated[int, typer.Option(min=1, help="Keys to show, the longest waiting.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show each key with its first event, which all later ones wait for.

    Example: reprise parked list --group catalog.renditions
    """
    found, now = asyncio.run(_found(group)), SystemClock().now()
    if as_json:
        print_json([_plain(one) for one in found])
    elif not found:
        print_line("Nothing is parked.")
    else:
        columns = ["group, reason", "key, first event", "rows", "since", "tries", "next"]
        print_table(columns, [_row(one, now) for one in found[:limit]], separated=True)
        if len(found) > limit:
            print_line(f"{len(found) - limit} more keys: --limit, or --group.")


app.command()(retry)
app.command()(discard)


async def _found(group: str | None) -> list[ParkedKey]:
    settings, found = read(ConsumersSettings), list[ParkedKey]()
    for name in chosen_groups(group):
        async with (
            open_schema(settings.postgres, service_of(name)) as database,
            database.read() as session,
        ):
            found += await parked_keys(session, name)
    return sorted(found, key=lambda one: one.since)


def _row(one: ParkedKey, now: datetime) -> tuple[str, ...]:
    event = f"{one.type.removeprefix('reprise.')} #{one.sequence}\n{one.event_id}"
    return (
        f"{one.consumer}\n{one.reason}",
        f"{scrub(one.key)}\n{event}",
        str(one.rows),
        say_span(now - one.since),
        str(one.attempts),
        "now" if one.run_after <= now else say_span(one.run_after - now),
    )


def _plain(one: ParkedKey) -> dict[str, object]:
    return {
        "group": one.consumer,
        "key": scrub(one.key),
        "rows": one.rows,
        "since": one.since.isoformat(),
        "event_id": one.event_id,
        "type": one.type,
        "sequence": one.sequence,
        "reason": one.reason,
        "detail": scrub(one.detail),
        "attempts": one.attempts,
        "origin": one.origin,
        "next": one.run_after.isoformat(),
    }
