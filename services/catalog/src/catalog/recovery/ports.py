"""What recovery needs of the log, of the schema it fills, and of the live use cases."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from catalog.domain.asset import Asset
from catalog.recovery.domain.history import History, Played, Retold, Tally
from catalog.recovery.domain.verification import Difference
from common.errors import NotYet
from common.events import Received
from common.events.record import SourceRecord
from common.events.topics import Topic

Positions = Mapping[int, int]
"""Offset by partition."""


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Records as Kafka's client gives them, in order per partition, and where reading goes on."""

    records: Sequence[Any]
    positions: Positions


class Log(Protocol):
    """The committed records of the topics. All methods raise Unavailable."""

    async def ends(self) -> Mapping[str, Positions]:
        """Where each topic that recovery reads ends now."""
        ...

    def read(
        self, topic: Topic, start: Positions, ends: Positions
    ) -> AsyncGenerator[LogBatch, None]:
        """From `start` to `ends`: later records are not given out.

        Raises Gone (`offset_gone`) when the log does not reach as far as it did.
        """
        ...


class Intake(Protocol):
    """Takes one topic into the schema."""

    @property
    def topic(self) -> Topic: ...

    def digest(self, batch: LogBatch) -> Any:
        """Everything that needs no database: runs while the batch before is stored."""
        ...

    async def store(self, digest: Any, positions: Positions) -> None:
        """Rows and positions in one transaction; a batch that comes again changes nothing."""
        ...


class Progress(Protocol):
    """Who watches."""

    def begin(self, step: str, total: int | None) -> None:
        """A step starts; `total` of its records, where that is known."""
        ...

    def advance(self, count: int) -> None:
        """So many more are done."""
        ...


class Rebuilding(Protocol):
    """The schema that is filled; what it knows of its own progress survives a kill."""

    async def begin(self, ends: Mapping[str, Positions]) -> None:
        """Make it ready to be filled; one that was begun before keeps the ends it had."""
        ...

    async def progress(self, topic: Topic) -> tuple[Positions, Positions]:
        """Where reading goes on, and where it ends."""
        ...

    async def step(self) -> str:
        """The step that is under way; empty before the first."""
        ...

    async def enter(self, step: str) -> None:
        """The step before is done."""
        ...

    async def tally(self) -> Tally:
        """What was counted, by runs that were killed too."""
        ...

    async def derive(self) -> None:
        """The library from the rows, the heads of the state topic, indexes and constraints."""
        ...


class Histories(Protocol):
    """Assets whose rows the state topic alone does not give."""

    async def count(self) -> int:
        """How many there are."""
        ...

    async def after(self, asset_id: UUID | None, limit: int) -> Sequence[tuple[UUID, History]]:
        """The next ones in the order of their ids."""
        ...

    async def cursor(self) -> UUID | None:
        """The last one that is done."""
        ...

    async def store(self, retold: Sequence[tuple[UUID, Retold]]) -> None:
        """Rows, owed records, left facts and the count of the unexplained, in one transaction."""
        ...


class Leftovers(Protocol):
    """Facts that are in the log and whose effect nobody was told of."""

    async def assets(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Whose there are, in the order of their ids."""
        ...

    async def of(self, asset_id: UUID) -> Sequence[tuple[SourceRecord, Received]]:
        """One asset's, uploads before renditions before purges, each in its order."""
        ...

    async def done(self, asset_id: UUID, event_ids: Collection[UUID]) -> None:
        """These are applied, or can never be."""
        ...

    async def park(self, record: SourceRecord, received: Received, error: NotYet) -> None:
        """It still waits for another: the catalog's own consumer tries it from now on."""
        ...

    async def lost_requests(self) -> Sequence[UUID]:
        """Assets that wait for a run whose request the log does not hold."""
        ...


class Player(Protocol):
    """The live use cases on one asset in memory: tried, never stored."""

    async def hear(
        self, asset: Asset | None, received: Received, told: Received | None
    ) -> Played | None:
        """What the consumers make of a fact of another service.

        `told` is our next fact that the log holds, from which comes what the use case would have
        asked the world then: the clock, the library. None when it cannot be applied (yet).
        """
        ...

    async def obey(self, asset: Asset, told: Received) -> Played | None:
        """What the command behind a fact of ours makes of it; None for no command of ours."""
        ...


class Comparison(Protocol):
    """The live schema beside the one that was rebuilt from the log."""

    async def take_snapshot(self) -> None:
        """All live tables as of one moment."""
        ...

    async def unpublished(self) -> int:
        """Rows of the snapshot that the log does not have yet."""
        ...

    async def compare_standings(self) -> None:
        """Which assets counted the same on both sides."""
        ...

    async def look_again(self) -> Sequence[object]:
        """Read anew the live rows that the log is past; which those were."""
        ...

    async def look_again_at_names(self) -> int:
        """Read anew the live names that the log is past; of how many assets those were."""
        ...

    async def standings(self) -> Mapping[str, int]:
        """How many assets stand `same`, `ahead` or `behind`."""
        ...

    async def differences(self, looked: Sequence[object]) -> Sequence[Difference]:
        """Everything that is not the same; `looked` were looked up again and may be ahead."""
        ...
