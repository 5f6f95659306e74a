"""What the tests look at in the database, below the ports."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from common.ids import AssetId
from common.postgres.engine import Database


@dataclass(frozen=True, slots=True)
class Told:
    """One fact in the outbox."""

    type: str
    sequence: int
    headers: dict[str, str]


async def told(database: Database, asset_id: AssetId) -> list[Told]:
    """The facts about an asset in the order they will be published."""
    statement = text(
        "SELECT type, sequence, headers FROM outbox WHERE key = :key ORDER BY position"
    )
    async with database.read() as session:
        rows = await session.execute(statement, {"key": str(asset_id)})
        return [Told(row.type, row.sequence, row.headers) for row in rows]


async def states(database: Database, asset_id: AssetId) -> dict[str, str]:
    """The state of each of the asset's objects."""
    statement = text("SELECT key, state FROM stored_object WHERE asset_id = :asset_id")
    async with database.read() as session:
        rows = await session.execute(statement, {"asset_id": asset_id})
        return {row.key: row.state for row in rows}


async def count(database: Database, table: str) -> int:
    """Rows of one of the janitor's tables."""
    statements: dict[str, Any] = {
        "purge": text("SELECT count(*) FROM purge"),
        "job": text("SELECT count(*) FROM job"),
        "outbox": text("SELECT count(*) FROM outbox"),
        "stored_object": text("SELECT count(*) FROM stored_object"),
    }
    async with database.read() as session:
        return int(await session.scalar(statements[table]) or 0)
