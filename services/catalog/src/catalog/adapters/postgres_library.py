"""Which living asset holds given bytes for an owner: insert, or return who is there."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from catalog.adapters.tables import library
from catalog.domain.asset import Asset
from common.errors import Corrupt, Unavailable
from common.ids import AssetId
from common.postgres.engine import WriteSession

# a round is lost when the entry that was in the way is gone by the time it is read
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class PostgresLibrary:
    """The library within one transaction.

    Its rows are never locked while a row of an asset is waited for: that is what keeps a delete of
    the winner and the arrival of its double from waiting for each other.
    """

    session: WriteSession

    async def admit(self, asset: Asset) -> AssetId:
        if asset.original is None:
            raise Corrupt("only stored bytes enter the library", code="illegal_transition")
        entry = (asset.user_id, asset.original.sha256)
        for _ in range(ROUNDS):
            inserted = insert(library).values((*entry, asset.asset_id))
            # waits for whoever is entering or leaving these bytes, then inserts or does nothing
            await self.session.execute(inserted.on_conflict_do_nothing())
            standing = await self.session.scalar(
                select(library.c.asset_id)
                .where(library.c.user_id == entry[0])
                .where(library.c.sha256 == entry[1])
            )
            if standing is not None:
                return AssetId(standing)
        raise Unavailable("the library entry keeps changing", code="library_busy", retry_after=1)

    async def release(self, asset_id: AssetId) -> None:
        await self.session.execute(delete(library).where(library.c.asset_id == asset_id))
