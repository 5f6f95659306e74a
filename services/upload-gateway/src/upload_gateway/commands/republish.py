"""What the gateway brings to `reprise state republish`: the names of its uploads."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import func, select

from common.clock import SystemClock
from common.errors import RepriseError
from common.events import Message
from common.events.topics import UPLOAD_GATEWAY
from common.postgres.engine import ReadSession, WriteSession
from common.postgres.outbox import append
from common.postgres.republishing import Republishing
from upload_gateway.adapters.postgres_transaction import upload_of
from upload_gateway.adapters.tables import upload as upload_table
from upload_gateway.domain.facts import carried, named, unnamed
from upload_gateway.domain.upload import NAMELESS, Upload
from upload_gateway.routes.tus_headers import metadata

# ever named: a name that was taken back is taken back again, for a reader that had not got so far
_NAMED = upload_table.c.details_sequence > 0


async def count(session: ReadSession, after: UUID | None) -> int:
    """How many uploads that ever had a name come after this asset."""
    query = select(func.count()).select_from(upload_table).where(_NAMED)
    if after is not None:
        query = query.where(upload_table.c.asset_id > after)
    return int(await session.scalar(query) or 0)


async def batch(session: WriteSession, after: UUID | None, limit: int) -> tuple[UUID | None, int]:
    """The next ones, locked, each with its name or its tombstone under the next sequence."""
    query = select(upload_table).where(_NAMED).order_by(upload_table.c.asset_id).limit(limit)
    if after is not None:
        query = query.where(upload_table.c.asset_id > after)
    uploads = [upload_of(row) for row in await session.execute(query.with_for_update())]
    for upload in uploads:
        again = replace(upload, details_sequence=upload.details_sequence + 1)
        await session.execute(
            upload_table.update()
            .where(upload_table.c.id == again.id)
            .values(details_sequence=again.details_sequence)
        )
        await append(session, _details(again))
    return (uploads[-1].asset_id if uploads else None), len(uploads)


def _details(upload: Upload) -> Message:
    clock = SystemClock()
    if upload.file_name is None or upload.state in NAMELESS:
        return unnamed(upload, clock)
    return named(upload, _metadata(upload), clock)


def _metadata(upload: Upload) -> dict[str, str]:
    """As the client sent it; a header that was accepted under other rules tells only the name."""
    try:
        return carried(metadata(upload.metadata))
    except RepriseError:
        return {}


REPUBLISHING = Republishing(UPLOAD_GATEWAY, "file names", count, batch)
