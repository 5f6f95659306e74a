"""What a consumer needs of its service's database: where keys wait, and whether to read at all."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from common.events.envelope import Envelope
from common.subscriber.record import SourceRecord


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record was not taken: a stable code, a sentence without content, tries so far."""

    reason: str
    detail: str = ""
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Parked:
    """The first of a key's waiting rows. `attempts` counts all tries it has had."""

    id: int
    record: SourceRecord
    attempts: int


class Claim(Protocol):
    """A key that this process alone drains, and its first row.

    `gone()` deletes the row and makes the key's next one due at once; `wait()` makes the key wait
    and keeps why. Both are committed when the claim's block ends.
    """

    @property
    def parked(self) -> Parked: ...

    async def gone(self) -> None: ...

    async def wait(self, refusal: Refusal, delay: timedelta) -> None: ...


class ParkingLot(Protocol):
    """Records of one consumer group that wait, key by key (events.md 4.3).

    Rows of a key come out in the order of (sequence, id), one key in one process at a time. Every
    method raises Unavailable when the database does not answer; nothing is done then.
    """

    async def parked(self, keys: Collection[str]) -> frozenset[str]:
        """Which of these keys have rows now: later records of theirs belong behind them."""

    async def park(self, record: SourceRecord, envelope: Envelope, refusal: Refusal) -> None:
        """Keep a record; durable when this returns, once per event however often it is called.

        It waits as long as the row before it in its key; without one it is due at once or, when it
        has been tried, after a first delay. Raises TooLarge(`parked_key_full`) when its key has as
        many rows as it may.
        """

    async def due(self, limit: int) -> Sequence[str]:
        """Keys that may be tried now, the longest due first."""

    def claim(self, key: str) -> AbstractAsyncContextManager[Claim | None]:
        """Take a key's first row; None when it has none, or when another process has the key.

        Nothing else is locked, so that a handler may use transactions of its own meanwhile.
        """

    async def count(self) -> int:
        """How many keys wait, for the gauge and for the bound."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a group does not read: `failures`, `parked_key_full` or what the operator said."""

    reason: str


class Fuse(Protocol):
    """Whether a group reads; the row outlives the process and is watched by all of the group.

    Raises Unavailable when the database does not answer.
    """

    async def paused(self, consumer: str) -> Pause | None: ...

    async def pause(self, consumer: str, reason: str) -> None:
        """Stop the group; a pause that stands already keeps its reason and time."""

    async def resume(self, consumer: str) -> bool:
        """Let the group read on; False when it was not paused."""
