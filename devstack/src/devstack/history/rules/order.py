"""Per key the log is its history: no hole, no reversal; repeats only as whole runs in order."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from devstack.history.facts import FACT_TOPICS
from devstack.history.model import History, Record, Row, Slot, Violation, by_key, short


def in_order(history: History) -> Iterator[Violation]:
    """Outbox rows and records of fact topics, key by key; of state, that its last word is there."""
    rows = by_key(history.rows)
    for topic, key in dict.fromkeys([*rows, *history.told]):
        if topic in FACT_TOPICS:
            yield from _complete(topic, key, rows.get((topic, key), ()), history.told)
    yield from _last_words(history)
    for (topic, key), records in by_key(
        r for r in history.records if r.topic in FACT_TOPICS
    ).items():
        placed = sorted(records, key=lambda record: (record.partition, record.offset))
        yield from _log(topic, key, placed)


def _complete(
    topic: str, key: str, rows: Sequence[Row], told: Mapping[Slot, int]
) -> Iterator[Violation]:
    numbers = sorted({row.sequence for row in rows})
    last = max([*numbers, told.get((topic, key), 0)])
    missing = sorted(set(range(1, last + 1)) - set(numbers))
    if missing:
        yield Violation("unacknowledged_gap", short(topic, key, f"outbox lacks {missing}"))
    if numbers and told.get((topic, key), last) < numbers[-1]:
        yield Violation("lost", short(topic, key, f"rows forgot #{numbers[-1]}"))
    if len(numbers) < len(rows):
        yield Violation("doubled", short(topic, key, "two rows claim one sequence"))


def _last_words(history: History) -> Iterator[Violation]:
    """The state that tables stand for is in the outbox, or was told before a recovery."""
    said: dict[Slot, int] = defaultdict(int)
    items: list[Row | Record] = [*history.rows, *history.records]
    for item in items:
        said[item.topic, item.key] = max(said[item.topic, item.key], item.sequence)
    for (topic, key), claimed in history.told.items():
        if topic not in FACT_TOPICS and said[topic, key] < claimed:
            yield Violation("lost", short(topic, key, f"state #{claimed} was told to nobody"))


def _log(topic: str, key: str, records: Sequence[Record]) -> Iterator[Violation]:
    numbers = [record.sequence for record in records]
    if len({record.partition for record in records}) > 1:
        yield Violation("reordered", short(topic, key, "in several partitions"))
    missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
    if missing:
        yield Violation("unacknowledged_gap", short(topic, key, f"the log lacks {missing}"))
    if len({(r.sequence, r.event_id) for r in records}) > len(set(numbers)):
        yield Violation("doubled", short(topic, key, "two events claim one sequence"))
    if not _runs(numbers, set(missing)):
        yield Violation("reordered", short(topic, key, f"{numbers}"))


def _runs(numbers: Sequence[int], missing: set[int]) -> bool:
    """Ascending runs without a hole (but the ones told already); the last reaches the end.

    A relay that died between Kafka's commit and its mark begins again at its first unmarked row,
    a reseed at the first of all; both go on to the end.
    """
    for before, after in zip([0, *numbers], numbers, strict=False):
        skipped = set(range(before + 1, after)) - missing
        if after > before and skipped:
            return False
    return not numbers or numbers[-1] == max(numbers)
