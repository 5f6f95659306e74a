"""Outboxes and topics hold the same facts: the same ids and bytes, each where its row says."""

from collections.abc import Iterator

from devstack.history.facts import FACT_TOPICS
from devstack.history.model import History, Record, Row, Violation, short

WITHOUT_OUTBOX = frozenset({"meta/epoch"})  # written by `reprise topics apply`


def published(history: History) -> Iterator[Violation]:
    """Each published fact is at its offset; nothing else is in a topic; at rest nothing waits."""
    places = {(r.topic, r.partition, r.offset): r for r in history.records}
    for row in history.rows:
        if not row.published and history.quiet:
            yield Violation("unpublished", _named(row))
        if row.published and row.topic in FACT_TOPICS:
            yield from _found(row, places.get((row.topic, row.partition or 0, row.offset or 0)))
    yield from _foreign(history)


def _found(row: Row, record: Record | None) -> Iterator[Violation]:
    if record is None:
        yield Violation("lost", f"{_named(row)}: nothing at {row.partition}:{row.offset}")
    elif (record.event_id, record.key, record.payload) != (row.event_id, row.key, row.payload):
        yield Violation("lost", f"{_named(row)}: another record at {row.partition}:{row.offset}")


def _foreign(history: History) -> Iterator[Violation]:
    known = {(row.topic, row.event_id) for row in history.rows}
    for record in history.records:
        if record.key not in WITHOUT_OUTBOX and (record.topic, record.event_id) not in known:
            where = f"{record.partition}:{record.offset}"
            yield Violation("unknown_record", short(record.topic, record.key, where))


def _named(row: Row) -> str:
    return short(row.topic, row.key, f"#{row.sequence} {row.type}")
