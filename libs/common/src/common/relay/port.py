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

    async def fetch(self, limit: int) -> tuple[Sequence[Row], datetime]:
        """The first unpublished rows by position, and a clock read made before they were selected.

        When fewer than `limit` come back, nothing else committed before that time is unpublished.
        The clock is the store's own, so that watermarks compare with its rows.
        """
        ...

    async def mark(self, published: Sequence[Published]) -> None:
        """Remember that Kafka has these rows; drop payloads of compacted topics (names)."""
        ...

    async def backlog(self) -> tuple[int, timedelta]:
        """How many rows wait and how old the oldest is."""
        ...


class Sender(Protocol):
    """A transactional producer that fences its predecessors (common.kafka.producer)."""

    async def send_batch(
        self, messages: Sequence[Message], *, within: float
    ) -> list[tuple[int, int]]:
        """All or none of them, in order per key; (partition, offset) of each.

        `within` is in seconds; a sender may have a lower limit of its own.

        Raises Fenced when a newer producer has this one's id or our own transaction was too slow,
        Unavailable for every other failure. After either the sender is dead.
        """
        ...
