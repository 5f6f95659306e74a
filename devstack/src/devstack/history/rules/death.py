"""A dead asset stays dead: in facts, in state records, in every service's tables."""

from collections.abc import Iterator

from devstack.history.facts import DEADLY, FACT_TOPICS, LIVELY, said
from devstack.history.model import History, Row, Violation, by_key, first_times, short

DEAD_STATES = frozenset({"purging", "purged", "abandoned"})
SERVED = frozenset({"stored", "processing", "ready"})


def dead_stays_dead(history: History) -> Iterator[Violation]:
    """Death is the fact that nobody can take back; the grace before it is not death."""
    facts = by_key(row for row in history.rows if row.topic in FACT_TOPICS)
    dead = {key for (_, key), rows in facts.items() if any(row.type in DEADLY for row in rows)}
    for (topic, key), rows in facts.items():
        yield from _facts(topic, key, sorted(rows, key=lambda row: row.sequence))
    yield from _states(history)
    if history.quiet:
        for standing in history.standings:
            if standing.alive and standing.asset_id in dead:
                yield Violation(
                    "resurrected",
                    f"asset {standing.asset_id}: dead, and {standing.service} has it"
                    f" {standing.state}",
                )


def _facts(topic: str, key: str, rows: list[Row]) -> Iterator[Violation]:
    died = next((row.sequence for row in rows if row.type in DEADLY), None)
    for row in rows:
        if died is not None and row.sequence > died and row.type in LIVELY:
            yield Violation("resurrected", short(topic, key, f"#{row.sequence} {row.type}"))


def _states(history: History) -> Iterator[Violation]:
    """By sequence, as readers of state judge: a repeat of an older record does not count."""
    records = by_key(r for r in first_times(history.records) if r.key.startswith("asset/"))
    for (topic, key), found in records.items():
        died = False
        for record in sorted(found, key=lambda record: record.sequence):
            state = said(record.payload).get("state")
            if died and record.payload is not None and state in SERVED:
                yield Violation("resurrected", short(topic, key, f"#{record.sequence} {state}"))
            died = died or record.payload is None or state in DEAD_STATES
