"""File names and tags in a table of their own, so that they can be forgotten alone."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from catalog.adapters.tables import names
from catalog.domain.details import Details
from common.ids import AssetId
from common.postgres.engine import WriteSession

_KEY = ("asset_id", "source")


@dataclass(frozen=True, slots=True)
class PostgresNames:
    """Names within one transaction."""

    session: WriteSession

    async def keep(self, details: Details) -> bool:
        inserted = insert(names).values(_row(details))
        changed = {
            column.name: inserted.excluded[column.name]
            for column in names.c
            if column.name not in _KEY
        }
        kept = inserted.on_conflict_do_update(
            index_elements=_KEY,
            set_=changed,
            where=names.c.sequence < inserted.excluded.sequence,
        )
        result = await self.session.execute(kept.returning(names.c.asset_id))
        return result.first() is not None

    async def erase(self, asset_id: AssetId) -> None:
        await self.session.execute(
            update(names)
            .where(names.c.asset_id == asset_id)
            .values(file_name=None, metadata={}, tags={}, cue=None, captured_at=None)
        )


def _row(details: Details) -> dict[str, Any]:
    return {
        "asset_id": details.asset_id,
        "source": details.source,
        "sequence": details.sequence,
        "file_name": details.file_name,
        "metadata": dict(details.metadata),
        "tags": dict(details.tags),
        "cue": details.cue,
        "captured_at": details.captured_at,
    }
