"""Writers of all processes in one table: who is at work, and who was asked to end."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ARRAY, Integer, Uuid, bindparam, text

from common.clock import Clock, SystemClock
from common.ids import UploadId
from common.postgres.engine import Database
from upload_gateway.domain.errors import UploadBusy
from upload_gateway.domain.upload import FORGOTTEN
from upload_gateway.ports.body import CutReason

SILENT = 4.0  # seconds without a beat after which a writer is taken for dead
_LOOK = 0.1  # seconds between two looks whether an asked writer has ended

_BEAT = text("""
UPDATE writer SET seen_at = clock_timestamp()
FROM unnest(:ids, :generations) AS held (id, generation)
WHERE writer.upload_id = held.id AND writer.generation = held.generation
RETURNING writer.upload_id, writer.asked
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("generations", type_=ARRAY(Integer)))
_STATES = text("SELECT id, state FROM upload WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(Uuid))
)
_ALIVE = text("""
SELECT asked FROM writer
WHERE upload_id = :id AND seen_at > clock_timestamp() - make_interval(secs => :silent)
""")
_GONE = text("DELETE FROM writer WHERE upload_id = :id AND generation = :generation")
_ASK = text("UPDATE writer SET asked = true WHERE upload_id = :id")


@dataclass(frozen=True, slots=True)
class PostgresPresence:
    """All times are the database's. `patience`: seconds that a writer elsewhere may take to end."""

    database: Database
    patience: float = 5.0
    clock: Clock = field(default_factory=SystemClock)

    async def beat(self, held: Mapping[UploadId, int]) -> dict[UploadId, CutReason]:
        async with self.database.write() as session:
            values = {"ids": list(held), "generations": list(held.values())}
            rows = (await session.execute(_BEAT, values)).all()
            asked = {row.upload_id: row.asked for row in rows}
            wanted = [upload_id for upload_id in held if asked.get(upload_id, True)]
            found = await session.execute(_STATES, {"ids": wanted}) if wanted else ()
            states = {row.id: row.state for row in found}
        return {id_: _reason(states.get(id_), asked=id_ in asked) for id_ in wanted}

    async def settle(self, upload_id: UploadId) -> bool:
        asked = await self._asked(upload_id)
        if asked is None:
            return False
        if not asked:
            async with self.database.write() as session:
                await session.execute(_ASK, {"id": upload_id})
        until = self.clock.monotonic() + self.patience
        while await self._asked(upload_id) is not None:
            if self.clock.monotonic() > until:
                raise UploadBusy("an older request on this upload does not end", retry_after=2)
            await asyncio.sleep(_LOOK)
        return True

    async def gone(self, upload_id: UploadId, generation: int) -> None:
        async with self.database.write() as session:
            await session.execute(_GONE, {"id": upload_id, "generation": generation})

    async def _asked(self, upload_id: UploadId) -> bool | None:
        """None when nobody writes."""
        rows = await self.database.alone(_ALIVE, {"id": upload_id, "silent": SILENT})
        return bool(rows[0].asked) if rows else None


def _reason(state: str | None, *, asked: bool) -> CutReason:
    if state in FORGOTTEN:
        return "ended"
    return "asked" if asked else "superseded"
