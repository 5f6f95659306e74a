"""What the relay needs of the place where unpublished records wait."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from common.events.message import Message

Row = tuple[int, Message]
"""(position, record): positions grow; an aggregate's records have growing positions in the order of
its history.
"""
Published = tuple[int, int, int]
"""(position, partition, offset) of a record that Kafka has."""


Fetched = tuple[Sequence[Row], datetime, bool]
"""(rows, read_at, drained): the first unpublished rows by position, a reading of the store's own
clock made before they were selected, and whether nothing else that was committed before that time
is unpublished.
"""


class OutboxSource(Protocol):
    """An outbox with one leader at a time (Postgres: advisory lock; delivery's SQLite file: flock).

    Every method raises Unavailable when the store does not answer; after that the leadership must
    be taken anew.
    """

    async def lead(self) -> bool:
        """Try to become the leader without waiting; False while another one is."""
        ...

    async def still_leader(self) -> bool:
        """Whether the lock is held now, asked of whoever grants it, never remembered."""
        ...

    async def resign(self) -> None:
        """Give the leadership up; harmless when it is lost already."""
        ...

    async def fetch(self, limit: int, max_bytes: int) -> Fetched:
        """The first unpublished rows: at most `limit`, and of `max_bytes` of payload together.

        The first row comes whatever its size, so that none can stand in the way for ever.
        """
        ...

    async def mark(self, published: Sequence[Published]) -> None:
        """Remember that Kafka has these rows of the last fetch.

        Payloads of compacted topics (names) are dropped. A row that is not unpublished any more is
        left alone.
        """
        ...

    async def backlog(self) -> tuple[int, timedelta]:
        """How many rows wait (counted up to a cap) and how old the oldest is."""
        ...

    async def upkeep(self) -> None:
        """What the store wants done by its leader about once an hour.

        A failure that only delays it is told in the log and does not raise.
        """
        ...


class Sender(Protocol):
    """A transactional producer that fences its predecessors (common.kafka.producer)."""

    async def send_batch(
        self, messages: Sequence[Message], *, within: float
    ) -> list[tuple[int, int]]:
        """All or none of them, in order per key; (partition, offset) of each.

        `within` is in seconds; a sender may have a lower limit of its own.

        Raises Fenced when a newer producer has this one's id or our own transaction was too slow,
        TopicMissing when a topic it needs does not exist, Unavailable for every other failure.
        After each of them the sender is dead.
        """
        ...
