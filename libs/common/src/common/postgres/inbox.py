"""The inbox: which events a reactor has seen, so that an event delivered twice has one effect."""

from uuid import UUID

from sqlalchemy import text

from common.postgres.engine import WriteSession
from common.telemetry.duplicates import absorbed

_INSERT = text(
    "INSERT INTO inbox (consumer, event_id) VALUES (:consumer, :event_id) ON CONFLICT DO NOTHING"
)


async def first_time(session: WriteSession, consumer: str, event_id: UUID) -> bool:
    """Note the event in the transaction of its effect; False when this consumer has had it before.

    Of two transactions that race with the same event the second waits for the first to end.
    """
    result = await session.execute(_INSERT, {"consumer": consumer, "event_id": event_id})
    first = result.rowcount == 1
    if not first:
        absorbed()
    return first
