"""What a consumer needs of its service's database: where keys wait, and whether to read at all."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol

from common.events.envelope import Envelope
from common.events.record import SourceRecord


class Claim(Protocol):
    """The first waiting record of a key that this process alone drains for the moment.

    What is asked of it is committed when its block ends, and nothing when the block raises.
    """

    @property
    def record(self) -> SourceRecord: ...

    @property
    def attempts(self) -> int:
        """Tries it has had, those before it was parked included."""

    async def done(self) -> None:
        """Delete the row; the next one of the key is due at once."""

    async def wait(self, delay: timedelta, *, reason: str, detail: str) -> None:
        """One more try was in vain: the whole key waits."""


class ParkingLot(Protocol):
    """Records of one consumer group that wait, key by key (events.md 4.3).

    The rows of a key come out in the order of (sequence, id), in one process at a time. Every
    method raises Unavailable when the database does not answer; nothing is done then.
    """

    async def parked(self, keys: Collection[str]) -> frozenset[str]:
        """Which of these keys have rows now: later records of theirs belong behind them."""

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
        """Keep a record; durable when this returns, and once per event however often it is called.

        It is due after `delay`, or with the key's first row where one stands before it. `reason` is
        a stable code, `detail` a sentence without content of the record. Raises TooLarge
        (`parked_key_full`) when the key has as many rows as it may.
        """

    async def due(self, limit: int) -> Sequence[str]:
        """Keys that may be tried now, the longest due first."""

    def claim(self, key: str) -> AbstractAsyncContextManager[Claim | None]:
        """A key's first row; None when it has none, or when another process has the key.

        The key is free again when the block ends, or when this process dies. Handlers may use
        transactions of their own meanwhile.
        """

    async def count(self) -> int:
        """How many keys wait, for the gauge and for the bound."""


class Fuse(Protocol):
    """Whether groups read; the row outlives the process, and all of a group watch it.

    Raises Unavailable when the database does not answer.
    """

    async def paused(self, consumer: str) -> str | None:
        """Why the group does not read: `failures`, `parked_key_full`, or what the operator said."""

    async def pause(self, consumer: str, reason: str) -> bool:
        """Stop the group; False when it was stopped before, whose reason and time stay."""

    async def resume(self, consumer: str) -> bool:
        """Let the group read on; False when it was not paused."""
