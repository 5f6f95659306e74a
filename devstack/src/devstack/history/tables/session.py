"""One snapshot of one service's schema, read with the service's own role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from devstack.history.model import Row, Slot

CONNECT_TIMEOUT, STATEMENT_TIMEOUT = 5.0, 60.0  # seconds

Session: TypeAlias = "asyncpg.Connection[Any]"

_OUTBOX = """
SELECT event_id, topic, key, sequence, type, payload, published_at IS NOT NULL AS published,
       kafka_partition, kafka_offset
FROM outbox ORDER BY position
"""


@asynccontextmanager
async def snapshot(url: str, schema: str) -> AsyncIterator[Session]:
    """All statements see the same moment, and none can write."""
    connection = await asyncpg.connect(
        url,
        timeout=CONNECT_TIMEOUT,
        command_timeout=STATEMENT_TIMEOUT,
        server_settings={"search_path": schema},
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close()


async def outbox_rows(session: Session, service: str) -> tuple[Row, ...]:
    """Every row of the service's outbox, in its order."""
    return tuple(
        Row(
            service=service,
            event_id=str(row["event_id"]),
            topic=row["topic"],
            key=row["key"],
            sequence=row["sequence"],
            type=row["type"],
            payload=row["payload"],
            published=row["published"],
            partition=row["kafka_partition"],
            offset=row["kafka_offset"],
        )
        for row in await session.fetch(_OUTBOX)
    )


async def parked(session: Session) -> frozenset[Slot]:
    """Events that wait in the service's parking, by group."""
    rows = await session.fetch("SELECT consumer, event_id FROM parked")
    return frozenset((row["consumer"], str(row["event_id"])) for row in rows)
