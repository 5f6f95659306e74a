"""Facts that wait in the schema for the history of their asset to be told."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from catalog.recovery.adapters.headers import json_of, texts_of
from catalog.recovery.adapters.row_tuples import copy
from common.errors import Corrupt
from common.events import Received, decode
from common.events.record import SourceRecord
from common.postgres.engine import WriteSession
from common.postgres.json_column import json_of_column

COLUMNS = ("asset_id", "topic", "part", "offset", "timestamp", "headers", "value")


async def stage(session: WriteSession, records: Iterable[tuple[str, Any]]) -> None:
    """Keep records of Kafka as they came, each with the asset it is about."""
    rows = [
        (
            asset_id,
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            json_of(texts_of(record.headers)),
            record.value,
        )
        for asset_id, record in records
    ]
    if rows:
        await copy(session, "recovery_fact", COLUMNS, rows)


def readable(record: Any) -> Received | None:
    """What consumers were handed; None for what they put among their dead letters."""
    try:
        received = decode(record.key, record.headers, record.value)
    except Corrupt:
        return None
    return None if received.event is None else received


def source_of(row: Row[Any]) -> SourceRecord:
    """A staged fact as the record it was."""
    return SourceRecord(
        row.topic,
        row.part,
        row.offset,
        row.timestamp,
        str(row.asset_id).encode(),
        tuple((name, value.encode()) for name, value in json_of_column(row.headers).items()),
        row.value,
    )


def received_of(record: SourceRecord) -> Received:
    """The same, decoded."""
    return decode(record.key, record.headers, record.value)
