"""`reprise parked discard`: give up what waits, knowing what comes after it."""

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from common.errors import NotFound
from common.postgres.audit import record as record_action
from common.postgres.engine import Database
from common.postgres.parked_keys import discard as discard_rows
from common.postgres.parked_keys import key_of, parked_keys
from common.settings.reading import read
from reprise_cli.commands.options import AsJson, Operator, Yes
from reprise_cli.output import count, print_json, print_line, print_warning
from reprise_cli.schemas import chosen_groups, open_schema, service_of
from reprise_cli.settings import ConsumersSettings

GAP = (
    "Later events of this key will meet the gap that this leaves, and a group that counts"
    " sequences parks them: discard the whole key, or rebuild what the group keeps."
)


def discard(
    group: Annotated[str, typer.Option("--group", help="Consumer group.")],
    reason: Annotated[str, typer.Option(help="Why nobody needs it handled; kept in the audit.")],
    event: Annotated[UUID | None, typer.Option(help="Id of one event.")] = None,
    key: Annotated[str | None, typer.Option(help="A key with everything that waits in it.")] = None,
    yes: Yes = False,
    operator: Operator = None,
    as_json: AsJson = False,
) -> None:
    """Delete one parked event, or all that waits of a key; the log keeps them, the group does not.

    Example: reprise parked discard --group catalog.uploads --key 0195… --reason "test data" --yes
    """
    if (event is None) == (key is None):
        raise typer.BadParameter("name either an event or a key", param_hint="--event")
    if not reason.strip():
        raise typer.BadParameter("say why, in a few words", param_hint="--reason")
    chosen_groups(group)
    settings = read(ConsumersSettings)
    name = settings.operator.name(operator) if yes else None
    gone = asyncio.run(_discard(settings, group, event, key, reason.strip(), name))
    print_warning(GAP)
    if as_json:
        print_json({"done": yes, "group": group, "events": gone})
    elif yes:
        print_line(f"{count(gone, 'event')} discarded.")
    else:
        print_line(f"Would discard {count(gone, 'event')}; the same with --yes does it.")


async def _discard(
    settings: ConsumersSettings,
    group: str,
    event: UUID | None,
    key: str | None,
    reason: str,
    operator: str | None,
) -> int:
    async with open_schema(settings.postgres, service_of(group)) as database:
        key = await _key(database, group, event, key)
        if operator is None:
            return 1 if event else await _rows(database, group, key)
        async with database.write() as session:
            gone = await discard_rows(session, group, key, event)
            parameters = {"group": group, "parked_key": key, "event_id": event, "reason": reason}
            await record_action(
                session, operator, "parked discard", parameters, {"events": _told(gone)}
            )
        return len(gone)


async def _key(database: Database, group: str, event: UUID | None, key: str | None) -> str:
    async with database.read() as session:
        if event is not None:
            key = await key_of(session, group, event)
        if key is None or not await parked_keys(session, group, key):
            raise NotFound(f"{group} has parked nothing of {event or key}", code="not_parked")
        return key


async def _rows(database: Database, group: str, key: str) -> int:
    async with database.read() as session:
        return sum(found.rows for found in await parked_keys(session, group, key))


def _told(gone: Sequence[tuple[UUID, int]]) -> list[str]:
    return [f"{event_id} #{sequence}" for event_id, sequence in gone]
