"""What an operator decided about dead letters, in the schema of the service that gave them up."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text

from common.events.envelope import Envelope
from common.events.record import SourceRecord
from common.postgres.engine import ReadSession, WriteSession
from common.postgres.parked import headers_of, storable

_DECIDED = text("SELECT * FROM dead_letter WHERE consumer = :consumer")
_DECIDE = text("""
INSERT INTO dead_letter AS known (consumer, digest, decision, reason, redrives, kept_at)
VALUES (:consumer, :digest, :decision, :reason, :redrives, :kept_at)
ON CONFLICT (consumer, digest) DO UPDATE
SET decision = excluded.decision, reason = excluded.reason,
    redrives = known.redrives + excluded.redrives, kept_at = excluded.kept_at,
    decided_at = clock_timestamp()
RETURNING redrives
""")
# due at once, and behind nothing: what it waits for may wait for it
_HAND_BACK = text("""
INSERT INTO parked (consumer, topic, key, sequence, event_id, type, record_key, headers, value,
    kafka_partition, kafka_offset, kafka_timestamp, origin, reason, detail)
VALUES (:consumer, :topic, :key, :sequence, :event_id, :type, :record_key,
    CAST(:headers AS jsonb), :value, :partition, :offset, :timestamp, 'dead_letter', :reason, '')
ON CONFLICT (consumer, event_id) DO NOTHING
""")
_WAITING = text(
    "SELECT attempts, reason FROM parked WHERE consumer = :consumer AND event_id = :event_id"
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided last about a record; it covers copies kept up to `kept_at`."""

    decision: Literal["redriven", "discarded"]
    reason: str
    redrives: int
    kept_at: datetime
    decided_at: datetime


async def decisions(session: ReadSession, consumer: str) -> dict[str, Decision]:
    """All decisions about a group's dead letters, by digest."""
    rows = await session.execute(_DECIDED, {"consumer": consumer})
    return {row.digest: _decision(row) for row in rows}


async def decide(
    session: WriteSession,
    consumer: str,
    digest: str,
    decision: Literal["redriven", "discarded"],
    *,
    kept_at: datetime,
    reason: str = "",
) -> int:
    """Write it down; how often the record was redriven so far, this time included."""
    values = {
        "consumer": consumer,
        "digest": digest,
        "decision": decision,
        "reason": storable(reason),
        "redrives": int(decision == "redriven"),
        "kept_at": kept_at,
    }
    return int(await session.scalar(_DECIDE, values) or 0)


async def hand_back(
    session: WriteSession, consumer: str, record: SourceRecord, envelope: Envelope, reason: str
) -> bool:
    """Park the record for its group alone, due at once; False when its event waits there already.

    The group's own retrier takes it as it takes any parked row: in the order of its key.
    """
    values = {
        "consumer": consumer,
        "topic": record.topic,
        "key": storable((record.key or b"").decode("utf-8", "replace")),
        "sequence": envelope.sequence,
        "event_id": envelope.id,
        "type": storable(envelope.type),
        "record_key": record.key,
        "headers": headers_of(record),
        "value": record.value,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "reason": storable(reason),
    }
    return (await session.execute(_HAND_BACK, values)).rowcount == 1


async def waiting(session: ReadSession, consumer: str, event_id: UUID) -> tuple[int, str] | None:
    """Tries in vain and why, of an event that was handed back; None when it waits no longer."""
    row = (
        await session.execute(_WAITING, {"consumer": consumer, "event_id": event_id})
    ).one_or_none()
    return (int(row.attempts), str(row.reason)) if row else None


def _decision(row: Row[Any]) -> Decision:
    return Decision(row.decision, row.reason, row.redrives, row.kept_at, row.decided_at)
