"""The log tells the same as the live tables, or it is said where not."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.recovery.domain.verification import Verified
from catalog.recovery.ports import Comparison, Log
from catalog.recovery.usecases.rebuild_rows import RebuildRows
from common.clock import Clock
from common.errors import Unavailable

PAUSE = 0.25  # seconds between looks


@dataclass(frozen=True, slots=True)
class VerifyCatalog:
    """The cut: a snapshot of the live rows, then the log up to where it holds that snapshot.

    `patience` is in seconds: for the relay to publish what the snapshot holds, and again for the
    live catalog to read what the log had more. Nothing is decided anew here: facts whose effect
    nobody was told of stay out of the rebuilt rows.
    """

    log: Log
    rebuild: RebuildRows
    comparison: Comparison
    clock: Clock
    patience: float

    async def __call__(self) -> Verified:
        await self.comparison.take_snapshot()
        await self._published()
        tally = await self.rebuild(await self.log.ends())
        await self.comparison.compare_standings()
        looked = await self._caught_up()
        differences = tuple(await self.comparison.differences(looked))
        standings = await self.comparison.standings()
        told = sum(1 for item in differences if item.detail.startswith("the log is past"))
        return Verified(
            compared=standings.get("same", 0),
            moved=standings.get("ahead", 0),
            waiting=standings.get("behind", 0) - told,
            unexplained=tally.unexplained,
            unreadable=tally.unreadable,
            differences=differences,
        )

    async def _published(self) -> None:
        until = self.clock.monotonic() + self.patience
        while waiting := await self.comparison.unpublished():
            if self.clock.monotonic() >= until:
                raise Unavailable(
                    f"{waiting} rows of the outbox are not in Kafka: does the relay run?",
                    code="relay_behind",
                )
            await asyncio.sleep(PAUSE)

    async def _caught_up(self) -> Sequence[object]:
        """Whose live rows were behind the log and were looked up again."""
        until = self.clock.monotonic() + self.patience
        looked: set[object] = set()
        while True:
            behind = await self.comparison.look_again()
            looked.update(behind)
            names = await self.comparison.look_again_at_names()
            if not behind and not names:
                break
            if self.clock.monotonic() >= until:
                break
            await asyncio.sleep(PAUSE)
        return list(looked)
