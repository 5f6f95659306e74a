"""Says again what a service's compacted topics should hold, in batches that outlive a kill."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from common.errors import Unavailable
from common.postgres import audit
from common.postgres.engine import Database, ReadSession, WriteSession
from common.postgres.json_column import json_of_column

COMMAND = "state republish"
BATCH = 200  # rows locked at once: a request that needs one of them waits that long
TRIES = 5  # of a batch that met another transaction the wrong way round

_LAST = text(
    "SELECT id, outcome FROM operator_action WHERE command = :command ORDER BY id DESC LIMIT 1"
)
_MINE = text("SELECT outcome FROM operator_action WHERE id = :id FOR UPDATE")
_NOTE = text(
    "UPDATE operator_action SET outcome = jsonb_build_object("
    "'finished', CAST(:finished AS boolean), 'after', CAST(:after AS text),"
    " 'told', CAST(:told AS bigint), 'log', outcome->'log') WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class Republishing:
    """What one service has to say again.

    `count` tells how many entities there are past a given id. `batch` locks the next ones, appends
    their records to the outbox under sequences that readers take, and answers the last id and how
    many were told; None when there are no more. Both walk in the order of the ids.
    """

    service: str
    what: str
    count: Callable[[ReadSession, UUID | None], Awaitable[int]]
    batch: Callable[[WriteSession, UUID | None, int], Awaitable[tuple[UUID | None, int]]]


@dataclass(frozen=True, slots=True)
class Run:
    """One republication: its audit row is also its progress. `goes_on` after a kill."""

    id: int
    after: UUID | None
    goes_on: bool


async def begin(database: Database, operator: str, *, log: str, restart: bool) -> Run:
    """Go on with the run that was not finished, or begin another.

    `log` names the log that is told to: what was told to another, which was lost since, was told to
    nobody.
    """
    unfinished = None if restart else await last_unfinished(database, log=log)
    if unfinished is not None:
        return unfinished
    async with database.write() as session:
        begun = {"finished": False, "told": 0, "log": log}
        await audit.record(session, operator, COMMAND, {}, begun)
        row = (await session.execute(_LAST, {"command": COMMAND})).one()
    return Run(row.id, None, goes_on=False)


async def last_unfinished(database: Database, *, log: str) -> Run | None:
    """The run to this log that a kill ended, if the last one was."""
    async with database.read() as session:
        row = (await session.execute(_LAST, {"command": COMMAND})).one_or_none()
    outcome = json_of_column(row.outcome) if row else {}
    if row is None or outcome.get("finished", True) or outcome.get("log") != log:
        return None
    return Run(row.id, _uuid(outcome.get("after")), goes_on=True)


async def advance(database: Database, republishing: Republishing, run: Run) -> int | None:
    """One batch with its progress, in one transaction: how many were told, None at the end.

    Two at once share the work. Raises Unavailable.
    """
    for last in range(TRIES, 0, -1):
        try:
            return await _batch(database, republishing, run)
        except Unavailable as error:
            if last == 1 or error.code != "database_conflict":
                raise
    return None


async def _batch(database: Database, republishing: Republishing, run: Run) -> int | None:
    async with database.write() as session:
        outcome = json_of_column((await session.execute(_MINE, {"id": run.id})).scalar_one())
        if outcome.get("finished"):
            return None
        after = _uuid(outcome.get("after"))
        last, told = await republishing.batch(session, after, BATCH)
        values = {
            "id": run.id,
            "finished": last is None,
            "after": str(last or after) if last or after else None,
            "told": outcome.get("told", 0) + told,
        }
        await session.execute(_NOTE, values)
    return None if last is None else told


def _uuid(value: str | None) -> UUID | None:
    return UUID(value) if value else None
