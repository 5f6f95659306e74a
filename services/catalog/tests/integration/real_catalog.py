"""The catalog's adapters on a schema of their own, and all that stands in it."""

from typing import Any

from services.catalog.tests.ways_in import WaysIn
from sqlalchemy import select, text

from catalog.adapters.postgres_asset_reader import PostgresAssetReader
from catalog.adapters.postgres_transactions import PostgresTransactions
from catalog.adapters.tables import METADATA
from catalog.domain.asset import Asset
from catalog.domain.states import State
from common.clock import SystemClock
from common.ids import AssetId
from common.testing.postgres import ScratchSchema
from common.testing.waiting import eventually


class RealCatalog:
    """What a test needs of one schema."""

    def __init__(self, schema: ScratchSchema) -> None:
        self.schema, self.database = schema, schema.database
        self.transactions = PostgresTransactions(schema.database, SystemClock())
        self.reader = PostgresAssetReader(schema.database)
        self.ways_in = WaysIn(self.transactions)

    async def asset(self, asset_id: AssetId) -> Asset:
        view = await self.reader.find(asset_id)
        assert view is not None
        return view.asset

    async def until(self, asset_id: AssetId, state: State, *, within: float = 15) -> Asset:
        """The asset once it is in that state; fails after `within` seconds."""

        async def reached() -> bool:
            view = await self.reader.find(asset_id)
            return view is not None and view.asset.state is state

        await eventually(reached, timeout=within)
        return await self.asset(asset_id)

    async def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, the outbox with all its columns too."""
        async with self.database.read() as session:
            found = {
                table.name: (await session.execute(select(table))).mappings().all()
                for table in METADATA.sorted_tables
            }
            outbox = await session.execute(text("SELECT * FROM outbox"))
            found["outbox"] = outbox.mappings().all()
        return {name: sorted(map(dict, rows), key=str) for name, rows in found.items()}

    async def types(self) -> list[str]:
        """The short types of the outbox, in its order."""
        async with self.database.read() as session:
            rows = await session.scalars(text("SELECT type FROM outbox ORDER BY position"))
            return [row.removeprefix("reprise.").removesuffix(".v1") for row in rows]

    async def run(self, statement: str, **values: object) -> None:
        """Change what the passing of time would."""
        async with self.database.write() as session:
            await session.execute(text(statement), values)

    async def end_all_graces(self) -> None:
        """Let the time of every deleted asset be over."""
        await self.run("UPDATE asset SET restorable_until = now() WHERE state = 'deleted'")
