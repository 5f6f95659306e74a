"""Compacted topics end with the truth: the last record of a key is its newest."""

from collections.abc import Iterator

from devstack.history.facts import STATE_TOPICS
from devstack.history.model import History, Violation, by_key, first_times, short


def newest_last(history: History) -> Iterator[Violation]:
    """Offset order decides what compaction keeps, so it must not contradict the sequence."""
    rows = by_key(row for row in history.rows if row.topic in STATE_TOPICS and row.published)
    newest = {slot: max(row.sequence for row in found) for slot, found in rows.items()}
    last: dict[tuple[str, str], int] = {}
    for (topic, key), records in by_key(
        record for record in history.records if record.topic in STATE_TOPICS
    ).items():
        placed = sorted(records, key=lambda record: (record.partition, record.offset))
        last[topic, key] = placed[-1].sequence
        highest = max(record.sequence for record in placed)
        fresh = [record.sequence for record in first_times(placed)]
        if fresh != sorted(fresh):
            yield Violation("reordered", short(topic, key, f"{fresh}"))
        if placed[-1].sequence < highest:
            detail = f"#{highest}, then #{placed[-1].sequence} last"
            yield Violation("stale", short(topic, key, detail))
    for (topic, key), sequence in newest.items():
        if last.get((topic, key), 0) < sequence:
            yield Violation("lost", short(topic, key, f"state #{sequence} is not in the topic"))
