"""Topic after topic into the schema: what the log tells, and nothing it does not tell."""

import asyncio
import gc
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from catalog.recovery.domain.history import Tally
from catalog.recovery.ports import (
    Histories,
    Intake,
    Log,
    LogBatch,
    Positions,
    Progress,
    Rebuilding,
)
from catalog.recovery.usecases.retell_history import RetellHistory
from common.task_group import task_group

HISTORIES = 500  # assets in one transaction
DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class RebuildRows:
    """State first, then our own facts, then the inputs, each from 0; what is uncovered is retold.

    `intakes` by step, in their order; `names` is the one that needs the rows to stand. Every batch
    is one transaction with its own progress: after a kill it goes on where it was.
    """

    log: Log
    rebuilding: Rebuilding
    intakes: Mapping[str, Intake]
    names: Intake
    histories: Histories
    retell: RetellHistory
    progress: Progress

    async def __call__(self, ends: Mapping[str, Positions]) -> Tally:
        """Fill the schema up to these ends (or those it was begun with).

        Returns what was counted since it was begun.
        """
        await self.rebuilding.begin(ends)
        steps = [*self.intakes, "history", "names", DERIVED]
        reached = await self.rebuilding.step()
        for step in steps[steps.index(reached) :] if reached in steps else steps:
            if step != await self.rebuilding.step():
                await self.rebuilding.enter(step)
            await self._run(step)
        return await self.rebuilding.tally()

    async def _run(self, step: str) -> None:
        if step == "history":
            await self._retell()
        elif step == DERIVED:
            self.progress.begin("library and indexes", None)
            await self.rebuilding.derive()
        else:
            await self._read(step, self.names if step == "names" else self.intakes[step])

    async def _read(self, step: str, intake: Intake) -> None:
        start, ends = await self.rebuilding.progress(intake.topic)
        self.progress.begin(step, sum(ends[part] - start[part] for part in ends))
        # one batch is read and digested while the one before is stored
        waiting: asyncio.Queue[tuple[LogBatch, object] | None] = asyncio.Queue(maxsize=1)
        # a batch is many thousands of objects and no cycles: looking through them again and again
        # would cost a third of all time
        gc.disable()
        try:
            async with task_group() as group:
                group.create_task(self._store(intake, waiting))
                async with aclosing(self.log.read(intake.topic, start, ends)) as batches:
                    async for batch in batches:
                        # in a thread: the database would else have nothing to do meanwhile
                        digest = await asyncio.to_thread(intake.digest, batch)
                        await waiting.put((batch, digest))
                await waiting.put(None)
        finally:
            gc.enable()

    async def _store(
        self, intake: Intake, waiting: "asyncio.Queue[tuple[LogBatch, object] | None]"
    ) -> None:
        while (item := await waiting.get()) is not None:
            batch, digest = item
            await intake.store(digest, batch.positions)
            self.progress.advance(len(batch.records))

    async def _retell(self) -> None:
        self.progress.begin("history", await self.histories.count())
        cursor = await self.histories.cursor()
        while found := await self.histories.after(cursor, HISTORIES):
            retold = [(asset_id, await self.retell(history)) for asset_id, history in found]
            await self.histories.store(retold)
            cursor = found[-1][0]
            self.progress.advance(len(found))
