"""`reprise dlq`: what consumers gave up, and what shall become of it."""

import asyncio
from typing import Annotated

import typer

from common.clock import SystemClock
from common.settings.reading import read
from common.subscriber.dead_letter_log import DeadLetterLog, letter_groups
from common.telemetry.scrub import scrub
from reprise_cli.commands.dlq_discard import discard
from reprise_cli.commands.dlq_redrive import redrive
from reprise_cli.commands.options import AsJson, Group
from reprise_cli.dead_letters import Entry, Wanted, entries, named
from reprise_cli.letter_pages import print_entries, print_letter, summary
from reprise_cli.output import print_json, print_line
from reprise_cli.schemas import chosen_groups
from reprise_cli.settings import ConsumersSettings
from reprise_cli.spans import parse_span

app = typer.Typer(
    help="Records that a consumer group gave up: look at them, hand them back, discard them.",
    no_args_is_help=True,
)


@app.command("list")
def list_letters(
    group: Group = None,
    reason: Annotated[
        list[str] | None, typer.Option(help="Only this code; may be given more than once.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only what was given up in this last span, as 2h or 7d.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what was redriven or discarded.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, help="Newest entries to show; counts are whole.")
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """Show dead letters nobody decided about, and how many and how old they are by group.

    Example: reprise dlq list --group catalog.uploads --since 2h
    """
    now = SystemClock().now()
    begin = now - parse_span(since, "--since") if since else None
    wanted = Wanted(frozenset(reason or ()), begin, decided=everything)
    found = [one for one in asyncio.run(_entries(group)) if one in wanted]
    if as_json:
        print_json({"groups": summary(found, now), "entries": [_plain(one) for one in found]})
    elif not found:
        print_line("No dead letters." if everything else "No undecided dead letters.")
    else:
        print_entries(found, now, limit=limit)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="Id from `reprise dlq list`, or its beginning.")],  # noqa: A002
    as_json: AsJson = False,
) -> None:
    """Show one: what came, with headers, and why it was given up.

    The JSON is also what `redrive --edit` takes back. Example: reprise dlq show 3f2a9c01b7de
    """
    asyncio.run(_show(id, as_json=as_json))


app.command()(redrive)
app.command()(discard)


async def _entries(group: str | None) -> list[Entry]:
    settings, groups = read(ConsumersSettings), chosen_groups(group, letter_groups())
    async with DeadLetterLog(settings.kafka) as log:
        return await entries(log, settings.postgres, groups)


async def _show(text: str, *, as_json: bool) -> None:
    settings, groups = read(ConsumersSettings), letter_groups()
    async with DeadLetterLog(settings.kafka) as log:
        (entry,) = named(await entries(log, settings.postgres, groups), [text])
        letter = await log.at(entry.group, groups[entry.group], entry.place)
    print_letter(entry, letter, as_json=as_json)


def _plain(entry: Entry) -> dict[str, object]:
    return {
        "id": entry.digest,
        "group": entry.group,
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "type": entry.type,
        "key": scrub(entry.key),
        "event_id": entry.event_id,
        "reason": entry.reason,
        "detail": entry.detail,
        "at": entry.at.isoformat(),
        "attempts": entry.attempts,
        "copies": entry.copies,
        "state": entry.state,
        "redrives": entry.decision.redrives if entry.decision else 0,
    }
