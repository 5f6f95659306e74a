"""`reprise uploads stranded` and `… retry`: uploads whose verification was given up."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from sqlalchemy import text

from common.clock import SystemClock
from common.ids import AssetId
from common.jobs.queue import JobQueue
from common.postgres import audit
from common.postgres.engine import Database, open_engine
from common.settings.groups import PostgresSettings
from common.settings.operator import OperatorSettings
from common.settings.reading import read
from common.telemetry.scrub import scrub
from upload_gateway.adapters.postgres_ledger import PostgresLedger
from upload_gateway.commands.fsck import GatewayDatabase
from upload_gateway.usecases.retry_stranded import RetryStranded

_FOUND = text("""
SELECT upload.asset_id, upload.kind, upload.length, job.error, job.ended_at
FROM upload JOIN job ON job.id = upload.asset_id AND job.state = 'dead'
WHERE upload.state = 'verifying' AND upload.reason IS NOT NULL
ORDER BY job.ended_at LIMIT 1000
""")
T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]


@dataclass(frozen=True, slots=True)
class StrandedSettings:
    """What both commands read."""

    postgres: GatewayDatabase
    operator: OperatorSettings


@dataclass(frozen=True, slots=True)
class Stranded:
    """An upload that waits for an operator, and what its job died of."""

    asset_id: UUID
    kind: str
    length: int | None
    error: str | None
    since: datetime


def stranded(as_json: AsJson = False) -> None:
    """Show uploads whose bytes are safe and could not be verified, the longest waiting first.

    Example: reprise uploads stranded
    """
    found = asyncio.run(_with_schema(find_stranded))
    if as_json:
        print(json.dumps([_plain(one) for one in found], indent=2))
        return
    for one in found:
        since = (SystemClock().now() - one.since).total_seconds()
        error = scrub(one.error or "")
        print(f"{one.asset_id}  {one.kind}  {one.length} bytes  {since:.0f} s  {error}")
    if not found:
        print("No upload waits for an operator.")


def retry(
    asset_id: Annotated[UUID | None, typer.Argument(help="Only this one; else all.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, only say what would be done.")
    ] = False,
    operator: Annotated[str | None, typer.Option(help="Who does this; default: $USER.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have stranded uploads verified again, with all tries; workers begin within seconds.

    Example: reprise uploads retry --yes
    """
    name = read(StrandedSettings).operator.name(operator) if yes else None

    async def run(database: Database) -> list[UUID]:
        found = [one.asset_id for one in await find_stranded(database)]
        chosen = [one for one in found if asset_id in {None, one}]
        return await retry_all(database, chosen, name) if name is not None else chosen

    done = asyncio.run(_with_schema(run))
    if as_json:
        print(json.dumps({"done": yes, "uploads": [str(one) for one in done]}))
    elif yes:
        print(f"{len(done)} tried again; what is left: reprise uploads stranded")
    else:
        print(f"Would try {len(done)} again; the same with --yes does it.")


async def find_stranded(database: Database) -> list[Stranded]:
    """At most a thousand; the metric `stranded_uploads` says how many there are."""
    async with database.read() as session:
        rows = await session.execute(_FOUND)
        return [Stranded(*row) for row in rows]


async def retry_all(database: Database, chosen: Sequence[UUID], operator: str) -> list[UUID]:
    """Those that still waited; the audit row says which."""
    again = RetryStranded(PostgresLedger(database, JobQueue(database)))
    done = [asset_id for asset_id in chosen if await again(AssetId(asset_id))]
    if done:
        async with database.write() as session:
            outcome = {"uploads": [str(asset_id) for asset_id in done]}
            await audit.record(session, operator, "uploads retry", {}, outcome)
    return done


async def _with_schema(run: Callable[[Database], Awaitable[T]]) -> T:
    url = read(StrandedSettings).postgres.url
    settings = PostgresSettings(url=url, pool_size=2)
    async with open_engine(settings, schema="upload_gateway") as database:
        return await run(database)


def _plain(one: Stranded) -> dict[str, Any]:
    return {
        "asset_id": str(one.asset_id),
        "kind": one.kind,
        "length": one.length,
        "error": scrub(one.error or ""),
        "since": one.since.isoformat(),
    }
