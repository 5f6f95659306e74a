"""What a run of the system left behind: what clients were told, outboxes, topics, tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

Kind = Literal[
    "lost",  # acknowledged, written down or due to a consumer, and not there
    "doubled",  # happened twice where once was meant
    "reordered",  # a key's records are not in the order of its history
    "unacknowledged_gap",  # a key's sequence has a hole
    "resurrected",  # dead, and seen living afterwards
    "stale",  # an older state is the last one a reader of the compacted topic finds
    "unpublished",  # still in an outbox after everything came to rest
    "unknown_record",  # in a topic, and in nobody's outbox
]


@dataclass(frozen=True, slots=True)
class Violation:
    """One promise that this history breaks."""

    kind: Kind
    detail: str


@dataclass(frozen=True, slots=True)
class Ack:
    """One thing a client was told. `at` is its own clock, Unix seconds; `offset` bytes of it."""

    at: float
    what: str
    upload_id: str | None = None
    asset_id: str | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a service's outbox; `payload` None is a tombstone or was dropped."""

    service: str
    event_id: str
    topic: str
    key: str
    sequence: int
    type: str
    payload: bytes | None
    published: bool = True
    partition: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One committed record of a topic; without a readable envelope its id is empty."""

    topic: str
    partition: int
    offset: int
    key: str
    event_id: str
    type: str
    sequence: int
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload in the gateway's ledger; `offset` in bytes."""

    upload_id: str
    asset_id: str
    state: str
    offset: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What one service's tables say of an asset; `alive`: it would still show it or work on it."""

    service: str
    asset_id: str
    state: str
    alive: bool


Slot = tuple[str, str]
"""A service, consumer or topic, and something of it."""


@dataclass(frozen=True, slots=True)
class History:
    """Everything the checks look at.

    `effects` names each thing that may happen once, as often as the tables hold it. `absorbed` and
    `covered` say what consumers took: single facts by a token, and a key's facts up to a sequence.
    `told` is the last sequence that a producer's own rows claim for (topic, key). `set_aside` are
    events that a consumer parked or dead-lettered. `consumers` are those whose tables were read:
    only they can be asked. `quiet`: collected after everything had come to
    rest, so that what is only on its way counts as lost.
    """

    acks: tuple[Ack, ...] = ()
    rows: tuple[Row, ...] = ()
    records: tuple[Record, ...] = ()
    uploads: tuple[UploadRow, ...] = ()
    standings: tuple[Standing, ...] = ()
    effects: tuple[Slot, ...] = ()
    absorbed: frozenset[Slot] = frozenset()
    covered: Mapping[Slot, int] = field(default_factory=dict)
    told: Mapping[Slot, int] = field(default_factory=dict)
    set_aside: frozenset[Slot] = frozenset()
    consumers: frozenset[str] = frozenset()
    quiet: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """What one service's tables contribute to a history."""

    rows: tuple[Row, ...] = ()
    uploads: tuple[UploadRow, ...] = ()
    standings: tuple[Standing, ...] = ()
    effects: tuple[Slot, ...] = ()
    absorbed: frozenset[Slot] = frozenset()
    covered: Mapping[Slot, int] = field(default_factory=dict)
    told: Mapping[Slot, int] = field(default_factory=dict)
    set_aside: frozenset[Slot] = frozenset()
    consumers: frozenset[str] = frozenset()


def joined(
    parts: Iterable[Part],
    *,
    acks: tuple[Ack, ...] = (),
    records: tuple[Record, ...] = (),
    set_aside: frozenset[Slot] = frozenset(),
    quiet: bool = True,
) -> History:
    """One history of what the services contribute and what all share."""
    parts = tuple(parts)
    return History(
        acks=acks,
        records=records,
        rows=tuple(row for part in parts for row in part.rows),
        uploads=tuple(row for part in parts for row in part.uploads),
        standings=tuple(standing for part in parts for standing in part.standings),
        effects=tuple(effect for part in parts for effect in part.effects),
        absorbed=frozenset().union(*(part.absorbed for part in parts)),
        covered=_merged(part.covered for part in parts),
        told=_merged(part.told for part in parts),
        set_aside=set_aside.union(*(part.set_aside for part in parts)),
        consumers=frozenset().union(*(part.consumers for part in parts)),
        quiet=quiet,
    )


def _merged(maps: Iterable[Mapping[Slot, int]]) -> dict[Slot, int]:
    return {slot: number for one in maps for slot, number in one.items()}


Item = TypeVar("Item", Row, Record)


def by_key(items: Iterable[Item]) -> dict[Slot, list[Item]]:
    """Grouped by (topic, key), each group in the order given."""
    groups: dict[Slot, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.topic, item.key].append(item)
    return groups


def first_times(records: Iterable[Record]) -> list[Record]:
    """What a consumer that ignores repeats sees: each event at its first offset."""
    seen: set[str] = set()
    fresh = []
    for record in sorted(records, key=lambda item: (item.topic, item.partition, item.offset)):
        if record.event_id not in seen:
            seen.add(record.event_id)
            fresh.append(record)
    return fresh


def short(topic: str, key: str, rest: Any) -> str:
    """A record's place, as a detail names it."""
    return f"{topic} {key} {rest}"
