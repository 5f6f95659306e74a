"""Ways to break a valid history, each by one thing."""

from collections.abc import Callable
from dataclasses import replace

from common.events.topics import CATALOG_STATE
from devstack.history.model import History, Record, Row

Mutation = Callable[[History, int], History | None]
"""A history with the nth possible defect of this sort; None when it offers no such place."""


def _without(records: tuple[Record, ...], event_id: str) -> tuple[Record, ...]:
    return tuple(record for record in records if record.event_id != event_id)


def drop_record(history: History, n: int) -> History | None:
    """Of a compacted topic only the newest one matters: older ones may be compacted away."""
    newest = {(r.topic, r.key): r for r in sorted(history.records, key=lambda r: r.sequence)}
    kept = [r for r in history.records if r.topic != CATALOG_STATE.name]
    kept += [r for (topic, _), r in newest.items() if topic == CATALOG_STATE.name]
    event_id = kept[n % len(kept)].event_id
    return replace(history, records=_without(history.records, event_id))


def drop_row(history: History, n: int) -> History | None:
    index = n % len(history.rows)
    return replace(history, rows=history.rows[:index] + history.rows[index + 1 :])


def forget_both(history: History, n: int) -> History | None:
    """As if the transaction had never been, though the producer's row counts it."""
    row = history.rows[n % len(history.rows)]
    if row.topic == CATALOG_STATE.name:
        return None
    return replace(
        history,
        rows=tuple(other for other in history.rows if other != row),
        records=_without(history.records, row.event_id),
    )


def drop_upload(history: History, n: int) -> History | None:
    index = n % len(history.uploads)
    return replace(history, uploads=history.uploads[:index] + history.uploads[index + 1 :])


def drop_absorbed(history: History, n: int) -> History | None:
    token = sorted(history.absorbed)[n % len(history.absorbed)]
    return replace(history, absorbed=history.absorbed - {token})


def lower_covered(history: History, n: int) -> History | None:
    slot = sorted(history.covered)[n % len(history.covered)]
    return replace(history, covered={**history.covered, slot: history.covered[slot] - 1})


def swap_records(history: History, n: int) -> History | None:
    """Two neighbours of one key change places, and their rows believe it."""
    neighbours = _neighbours(history.records)
    if not neighbours:
        return None
    left, right = neighbours[n % len(neighbours)]
    records = tuple(
        replace(
            record,
            offset={left.offset: right.offset, right.offset: left.offset}.get(
                record.offset, record.offset
            ),
        )
        if record in (left, right)
        else record
        for record in history.records
    )
    places = {
        r.event_id: r.offset for r in records if r.event_id in {left.event_id, right.event_id}
    }
    rows = tuple(replace(row, offset=places.get(row.event_id, row.offset)) for row in history.rows)
    return replace(history, records=records, rows=rows)


def double_effect(history: History, n: int) -> History | None:
    if not history.effects:
        return None
    return replace(history, effects=(*history.effects, history.effects[n % len(history.effects)]))


def double_fact(history: History, n: int) -> History | None:
    """The same thing told again as a new event, published and absorbed in all form."""
    told = [row for row in history.rows if row.topic != CATALOG_STATE.name]
    row = told[n % len(told)]
    last = max(r.sequence for r in told if (r.topic, r.key) == (row.topic, row.key))
    again = replace(row, event_id=f"again-{row.event_id}", sequence=last + 1)
    return _appended(history, again)


def stale_state(history: History, n: int) -> History | None:
    """A relay that was not fenced sends an older state last."""
    old = [
        record
        for record in history.records
        if record.topic == CATALOG_STATE.name
        and record.sequence < max(r.sequence for r in history.records if r.key == record.key)
    ]
    if not old:
        return None
    record = old[n % len(old)]
    end = max(r.offset for r in history.records if r.topic == record.topic)
    return replace(history, records=(*history.records, replace(record, offset=end + 1)))


def unpublish(history: History, n: int) -> History | None:
    index = n % len(history.rows)
    rows = list(history.rows)
    rows[index] = replace(rows[index], published=False)
    return replace(history, rows=tuple(rows))


def raise_the_dead(history: History, n: int) -> History | None:
    dead = [s for s in history.standings if s.state in {"purged", "abandoned"}]
    if not dead:
        return None
    risen = dead[n % len(dead)]
    standings = tuple(
        replace(s, state="ready", alive=True) if s is risen else s for s in history.standings
    )
    return replace(history, standings=standings)


def _neighbours(records: tuple[Record, ...]) -> list[tuple[Record, Record]]:
    once = [r for r in records if sum(o.event_id == r.event_id for o in records) == 1]
    return [
        (left, right)
        for left in once
        for right in once
        if (left.topic, left.key, left.sequence + 1) == (right.topic, right.key, right.sequence)
    ]


def _appended(history: History, row: Row) -> History:
    offsets = [
        r.offset for r in history.records if (r.topic, r.partition) == (row.topic, row.partition)
    ]
    row = replace(row, offset=max(offsets) + 1)
    record = Record(
        row.topic,
        row.partition or 0,
        row.offset or 0,
        row.key,
        row.event_id,
        row.type,
        row.sequence,
        row.payload,
    )
    slot = (row.topic, row.key)
    return replace(
        history,
        rows=(*history.rows, row),
        records=(*history.records, record),
        told={**history.told, slot: row.sequence},
        covered={
            (group, key): number + (key == row.key)
            for (group, key), number in history.covered.items()
        },
        absorbed=history.absorbed | {("janitor", row.event_id), ("transcoder", row.event_id)},
    )


KINDS: dict[Mutation, set[str]] = {
    drop_record: {"lost"},
    drop_row: {"unknown_record"},
    forget_both: {"unacknowledged_gap", "lost"},
    drop_upload: {"lost"},
    drop_absorbed: {"lost"},
    lower_covered: {"lost"},
    swap_records: {"reordered", "stale"},
    double_effect: {"doubled"},
    double_fact: {"doubled"},
    stale_state: {"stale"},
    unpublish: {"unpublished"},
    raise_the_dead: {"resurrected"},
}
