"""`reprise dlq discard`: never again, and why."""

import asyncio
from typing import Annotated

import typer

from common.postgres.audit import record as record_action
from common.postgres.dead_letters import decide
from common.postgres.engine import Database
from common.settings.reading import read
from common.subscriber.dead_letter_log import DeadLetterLog
from reprise_cli.commands.options import AsJson, Group, Operator, Yes
from reprise_cli.dead_letters import Entry
from reprise_cli.letter_choice import Choice, databases_of, tell_plan
from reprise_cli.output import print_json, print_line
from reprise_cli.settings import ConsumersSettings


def discard(
    reason: Annotated[str, typer.Option(help="Why nobody needs them handled; kept with them.")],
    ids: Annotated[list[str] | None, typer.Argument(help="Ids from `reprise dlq list`.")] = None,
    group: Group = None,
    failed_with: Annotated[str | None, typer.Option(help="With --group: only this code.")] = None,
    most: Annotated[int, typer.Option("--max", min=1, help="With --group: so many at most.")] = 100,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Decide that records need never be handled; their bytes stay until 90 days are over.

    Example: reprise dlq discard 3f2a9c01b7de --reason "sent by a test client" --yes
    """
    if not reason.strip():
        raise typer.BadParameter("say why, in a few words", param_hint="--reason")
    choice, settings = Choice(ids or (), group, failed_with, most), read(ConsumersSettings)
    chosen = asyncio.run(_chosen(settings, choice))
    if not yes or not chosen:
        tell_plan("discard", chosen, as_json=as_json)
        return
    asyncio.run(_discard(settings, chosen, settings.operator.name(operator), reason.strip()))
    if as_json:
        print_json([{"id": entry.digest, "outcome": "discarded"} for entry in chosen])
    else:
        print_line(f"{len(chosen)} discarded.")


async def _chosen(settings: ConsumersSettings, choice: Choice) -> list[Entry]:
    async with DeadLetterLog(settings.kafka) as log:
        return await choice.read(log, settings)


async def _discard(
    settings: ConsumersSettings, chosen: list[Entry], operator: str, reason: str
) -> None:
    async with databases_of(settings.postgres, chosen) as databases:
        for entry in chosen:
            await _one(databases[entry.group], entry, operator, reason)


async def _one(database: Database, entry: Entry, operator: str, reason: str) -> None:
    parameters = {
        "group": entry.group,
        "digest": entry.digest,
        "event_id": entry.event_id,
        "reason": reason,
    }
    async with database.write() as session:
        await decide(
            session, entry.group, entry.digest, "discarded", kept_at=entry.kept_at, reason=reason
        )
        was = {"was": entry.state, "failed_with": entry.reason}
        await record_action(session, operator, "dlq discard", parameters, was)
