"""What is told or delivered twice has one effect."""

from collections import Counter
from collections.abc import Iterator

from devstack.history.facts import EXCLUSIVE, ONCE, said
from devstack.history.model import History, Violation


def effects_once(history: History) -> Iterator[Violation]:
    """Rows that consumers made, and facts that they told of one thing, counted."""
    for (service, effect), times in Counter(history.effects).items():
        if times > 1:
            yield Violation("doubled", f"{service}: {effect}, {times} times")
    for what, times in _told(history).items():
        if times > 1:
            yield Violation("doubled", f"told {times} times: {what}")
    ids = Counter((row.service, row.event_id) for row in history.rows)
    for (service, event_id), times in ids.items():
        if times > 1:
            yield Violation("doubled", f"{service}: {times} rows with event id {event_id}")


def _told(history: History) -> Counter[str]:
    told: Counter[str] = Counter()
    for row in history.rows:
        members = ONCE.get(row.type)
        if members and row.payload is not None:
            payload = said(row.payload)
            named = " ".join(str(payload.get(member)) for member in members)
            told[f"{EXCLUSIVE.get(row.type, row.type)} {named}"] += 1
    return told
