"""Builds the ledger beside the live one from the log, compares them, puts it in its place."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from common.clock import Clock
from common.errors import Conflict, Unavailable
from common.events.topics import ASSETS, CATALOG_STATE, PURGES, RENDITIONS, UPLOADS, Topic
from common.failpoints import failpoint
from common.kafka.topics import epoch
from common.postgres.audit import record
from common.postgres.engine import Database, WriteSession
from common.settings.groups import KafkaSettings
from common.subscriber.replay import Place, Positions, Replay
from common.subscriber.state import OffsetGone
from common.telemetry.progress_bars import Report
from janitor.adapters.postgres_orders import MAX_ATTEMPTS, PURGE_KIND
from janitor.adapters.shadow_settling import inherit, queue_open_orders, settle
from janitor.adapters.shadow_swap import ShadowSwap
from janitor.adapters.shadow_tables import STALE, ShadowTables, untold, write_fold
from janitor.consumers.folding import folded
from janitor.domain.differences import Differences

SOURCES = (UPLOADS, ASSETS, RENDITIONS, PURGES)
SECOND_LOOK = 2.0  # seconds; what the live consumers were about to take is taken by then
LOCK_WAIT = 5.0  # seconds for work under way to end; nobody waits behind us for longer
LOCKED = 60.0  # seconds everybody may be locked out; then all is as it was
WORDS = "rebuild janitor-ledger"


@dataclass(frozen=True, slots=True)
class Swapped:
    """What the swap did: rows taken along from the live tables, jobs queued, seconds locked."""

    inherited: Mapping[str, int]
    queued: int
    last_records: int
    untold: int
    locked: float


@dataclass(slots=True)
class LedgerRebuild:
    """One run of the command; a killed one goes on after its last committed batch."""

    kafka: KafkaSettings
    database: Database
    clock: Clock
    report: Report
    sources: Sequence[Topic] = SOURCES
    state: Topic = CATALOG_STATE

    async def build(self, replay: Replay, *, restart: bool) -> Differences:
        """Read everything, conclude, and compare; what only lags is looked at twice.

        Raises Conflict when Kafka was lost since the run that this one would go on from.
        """
        shadow = ShadowTables(self.database)
        log = await epoch(self.kafka, self.state)
        if not log:
            raise Unavailable("the log has no epoch: run `reprise topics apply`", code="no_epoch")
        await shadow.begin(log, anew=restart)
        await self._catch_up(replay, shadow)
        found = await self._compared()
        if not found.none:
            await asyncio.sleep(SECOND_LOOK)
            await self._catch_up(replay, shadow)
            found = await self._compared()
        return found

    async def _catch_up(self, replay: Replay, shadow: ShadowTables) -> None:
        start, ends = await shadow.reached(), await replay.ends()
        reached: dict[Place, int] = {place: start.get(place, 0) for place in ends}
        total = sum(ends.values())
        try:
            async for batch in replay.read(start, ends):
                fold = await asyncio.to_thread(folded, batch.records)
                await shadow.apply(fold, batch.positions)
                reached |= batch.positions
                self.report(sum(reached.values()), total)
                await failpoint("janitor.after_rebuild_batch")
        except OffsetGone as error:
            raise Conflict(STALE, code="rebuild_stale") from error
        async with self.database.write() as session:
            await settle(session)

    async def _compared(self) -> Differences:
        async with self.database.write() as session:
            return await ShadowSwap(session).compare()

    async def swap(self, replay: Replay, operator: str, found: Differences) -> Swapped:
        """Put the shadow in the ledger's place, in one transaction that locks everybody out.

        Raises Unavailable when the lock is not to be had in time, or the last records take too
        long; nothing has changed then, and it can be tried again.
        """
        async with self.database.write() as session:
            await inherit(session)  # the bulk of it, while everybody works
        reached = await ShadowTables(self.database).reached()
        try:
            async with asyncio.timeout(LOCK_WAIT + LOCKED), self.database.write() as session:
                return await self._swap(session, replay, reached, operator, found)
        except TimeoutError as error:
            raise Unavailable(
                "the last records took too long; nothing was changed", code="rebuild_slow"
            ) from error

    async def _swap(
        self,
        session: WriteSession,
        replay: Replay,
        reached: Positions,
        operator: str,
        found: Differences,
    ) -> Swapped:
        swap = ShadowSwap(session)
        await swap.lock(LOCK_WAIT)
        begun = self.clock.monotonic()
        last = await self._last_records(session, replay, reached)
        own = await untold(session, PURGES.name)
        await write_fold(session, folded(own))
        await settle(session)
        inherited = await inherit(session)
        await settle(session)
        queued = await queue_open_orders(session, kind=PURGE_KIND, attempts=MAX_ATTEMPTS)
        await swap.swap()
        done = Swapped(inherited, queued, last, len(own), self.clock.monotonic() - begun)
        await record(session, operator, WORDS, found.counts(), asdict(done))
        await failpoint("janitor.before_ledger_swap")
        return done

    async def _last_records(self, session: WriteSession, replay: Replay, reached: Positions) -> int:
        count = 0
        async for batch in replay.read(reached, await replay.ends()):
            await write_fold(session, folded(batch.records))
            count += len(batch.records)
        return count
