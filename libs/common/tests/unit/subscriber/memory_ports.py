"""The consumers' ports in memory, and a lane on them whose handler does what a test says."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from typing_extensions import override

from common.errors import TooLarge, Unavailable
from common.events import Envelope, Received, UploadWithdrawn, new_message
from common.events.record import SourceRecord
from common.events.topics import DETAILS, UPLOADS, Topic
from common.ids import EventId
from common.settings.groups import KafkaSettings
from common.subscriber.dead_letters import DeadLetters
from common.subscriber.lane import Lane
from common.telemetry.metrics import Metrics
from common.testing.clock import ManualClock

FULL = 5


@dataclass
class Row:
    sequence: int
    event_id: EventId
    record: SourceRecord
    reason: str
    attempts: int
    delay: timedelta


@dataclass
class MemoryClaim:
    rows: list[Row]

    @property
    def record(self) -> SourceRecord:
        return self.rows[0].record

    @property
    def attempts(self) -> int:
        return self.rows[0].attempts

    async def done(self) -> None:
        self.rows.pop(0)

    async def wait(self, delay: timedelta, *, reason: str, detail: str) -> None:
        self.rows[0].attempts += 1
        self.rows[0].reason, self.rows[0].delay = reason, delay


@dataclass
class MemoryParking:
    """Every key is always due; `away` is how often the database does not answer."""

    keys: dict[str, list[Row]] = field(default_factory=dict)
    away: int = 0

    async def parked(self, keys: Collection[str]) -> frozenset[str]:
        self._answer()
        return frozenset(key for key in keys if self.keys.get(key))

    async def park(
        self,
        record: SourceRecord,
        envelope: Envelope,
        *,
        reason: str,
        detail: str,
        attempts: int,
        delay: timedelta,
    ) -> None:
        self._answer()
        rows = self.keys.setdefault((record.key or b"").decode(), [])
        if any(row.event_id == envelope.id for row in rows):
            return
        if len(rows) >= FULL:
            raise TooLarge("full", code="parked_key_full")
        rows.append(Row(envelope.sequence, envelope.id, record, reason, attempts, delay))
        rows.sort(key=lambda row: row.sequence)

    async def due(self, limit: int) -> Sequence[str]:
        self._answer()
        return [key for key, rows in self.keys.items() if rows][:limit]

    @asynccontextmanager
    async def claim(self, key: str) -> AsyncIterator[MemoryClaim | None]:
        self._answer()
        rows = self.keys.get(key)
        yield MemoryClaim(rows) if rows else None

    async def count(self) -> int:
        self._answer()
        return sum(1 for rows in self.keys.values() if rows)

    def sequences(self, key: str) -> list[int]:
        return [row.sequence for row in self.keys.get(key, [])]

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("no database")


@dataclass
class MemoryFuse:
    rows: dict[str, str] = field(default_factory=dict)
    away: bool = False

    async def paused(self, consumer: str) -> str | None:
        self._answer()
        return self.rows.get(consumer)

    async def pause(self, consumer: str, reason: str) -> bool:
        self._answer()
        return self.rows.setdefault(consumer, reason) == reason

    async def resume(self, consumer: str) -> bool:
        self._answer()
        return self.rows.pop(consumer, None) is not None

    def _answer(self) -> None:
        if self.away:
            raise Unavailable("no database")


class Letters(DeadLetters):
    """Keeps what is put; `away` is how often Kafka does not answer."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings(bootstrap="127.0.0.1:9"), "catalog")
        self.kept: list[tuple[str, int]] = []
        self.away = 0

    @override
    async def put(  # type: ignore[override]
        self, record: SourceRecord, topic: Topic, group: str, *, reason: str, attempts: int,
        **_: object,
    ) -> None:  # fmt: skip
        if self.away:
            self.away -= 1
            raise Unavailable("no broker")
        self.kept.append((reason, attempts))


class Scene:
    """One lane; `errors` are raised for (key, sequence), one at each try, the last for ever."""

    def __init__(self, topic: Topic = UPLOADS) -> None:
        self.parking, self.fuse, self.letters = MemoryParking(), MemoryFuse(), Letters()
        self.handled: list[tuple[str, int]] = []
        self.tried: list[tuple[str, int]] = []
        self.errors: dict[tuple[str, int], list[Exception]] = {}
        self.lane = Lane(
            "catalog.uploads" if topic is not DETAILS else "catalog.details",
            topic, self.handle, self.letters, Metrics("catalog"),
            parking=self.parking, fuse=self.fuse, clock=ManualClock(),
        )  # fmt: skip

    async def handle(self, received: Received) -> None:
        place = received.key, received.envelope.sequence
        self.tried.append(place)
        errors = self.errors.get(place)
        if errors:
            raise errors.pop(0) if len(errors) > 1 else errors[0]
        self.handled.append(place)


def record(key: str, sequence: int, *, kind: str | None = None, offset: int = 0) -> SourceRecord:
    """A fact under any key; `kind` another type than its own."""
    ids = dict.fromkeys(
        ("asset_id", "upload_id", "user_id"), "01890000-0000-7000-8000-0000000000aa"
    )
    fact = UploadWithdrawn(**ids, kind="audio")
    message = new_message(
        fact, source="upload-gateway", key=key, sequence=sequence, clock=ManualClock()
    )
    headers = [
        (name, kind.encode() if kind and name == "ce_type" else value)
        for name, value in message.headers()
    ]
    return SourceRecord(UPLOADS.name, 0, offset, 0, key.encode(), tuple(headers), message.payload)
