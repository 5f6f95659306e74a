"""The janitor's ports in memory: one dictionary per table, no transactions to speak of."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from common.errors import NotFound, Unavailable
from common.events import Fact
from common.ids import AssetId, EventId, ObjectKey
from common.jobs.job import Job
from janitor.domain.ledger import Declaration, LedgerEntry, ObjectState
from janitor.domain.purge_order import Cause, Purge, PurgeOrder

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def held(order_id: UUID) -> Job:
    """The leased job of an order."""
    return Job(order_id, "purge", order_id, {}, 1, 0, 5, order_id, None)


@dataclass
class MemoryRemover:
    """Fails for as many calls as it is told, then deletes."""

    objects: set[str] = field(default_factory=set)
    failures: int = 0
    asked: list[str] = field(default_factory=list)

    async def remove(self, key: ObjectKey) -> None:
        self.asked.append(key)
        if self.failures:
            self.failures -= 1
            raise Unavailable(code="storage_unavailable")
        self.objects.discard(key)


@dataclass
class MemoryJanitor:
    """Ledger, orders and outbox in one: the transaction hands out itself."""

    entries: dict[ObjectKey, LedgerEntry] = field(default_factory=dict)
    dead: dict[AssetId, str] = field(default_factory=dict)
    purges: dict[EventId, Purge] = field(default_factory=dict)
    published: dict[EventId, tuple[Fact, Cause]] = field(default_factory=dict)
    completed: list[UUID] = field(default_factory=list)

    @property
    def ledger(self) -> "MemoryJanitor":
        return self

    @property
    def orders(self) -> "MemoryJanitor":
        return self

    @property
    def publisher(self) -> "MemoryJanitor":
        return self

    def begin(self) -> AbstractAsyncContextManager["MemoryJanitor"]:
        @asynccontextmanager
        async def transaction() -> AsyncIterator[MemoryJanitor]:
            yield self

        return transaction()

    async def hold(self, asset_id: AssetId) -> bool:
        return asset_id in self.dead

    async def declare(self, declaration: Declaration, state: ObjectState) -> None:
        entry = LedgerEntry(
            declaration.key, declaration.asset_id, state, declaration.declared_by, NOW
        )
        self.entries.setdefault(declaration.key, entry)

    async def hold_all(self, asset_ids: Collection[AssetId]) -> frozenset[AssetId]:
        return frozenset(asset_ids) & self.dead.keys()

    async def declare_all(self, declarations: Sequence[Declaration], state: ObjectState) -> None:
        for declaration in declarations:
            await self.declare(declaration, state)

    async def condemn(self, order: PurgeOrder) -> None:
        for key in order.keys:
            self.entries.setdefault(
                key, LedgerEntry(key, order.asset_id, ObjectState.LIVING, None, NOW)
            )
        if order.ends_asset:
            self.dead[order.asset_id] = order.reason
        for key, entry in self.entries.items():
            named = key in order.keys or (order.ends_asset and entry.asset_id == order.asset_id)
            if named and entry.state is ObjectState.LIVING:
                self.entries[key] = replace(entry, state=ObjectState.CONDEMNED, reason=order.reason)

    async def close(self, order: PurgeOrder) -> Sequence[ObjectKey]:
        fresh = [k for k in order.keys if self.entries[k].state is not ObjectState.PURGED]
        for key in fresh:
            self.entries[key] = replace(
                self.entries[key],
                state=ObjectState.PURGED,
                reason=order.reason,
                cause=order.cause.event_id,
                purged_at=NOW,
            )
        return fresh

    async def place(self, order: PurgeOrder) -> bool:
        if order.id in self.purges:
            return False
        self.purges[order.id] = Purge(order, NOW, None, 0, None)
        return True

    async def find(self, order_id: EventId) -> Purge:
        if order_id not in self.purges:
            raise NotFound
        return self.purges[order_id]

    async def record_failure(self, order_id: EventId, error: str) -> int:
        purge = self.purges[order_id]
        self.purges[order_id] = replace(purge, failures=purge.failures + 1, last_error=error)
        return purge.failures + 1

    async def finish(self, order_id: EventId, job: Job) -> None:
        self.purges[order_id] = replace(self.purges[order_id], finished_at=NOW)
        self.completed.append(job.id)

    async def publish(
        self, fact: Fact, *, asset_id: AssetId, event_id: EventId, cause: Cause
    ) -> None:
        assert getattr(fact, "asset_id", None) == asset_id
        assert event_id not in self.published
        self.published[event_id] = (fact, cause)

    def facts(self) -> list[Fact]:
        """What was published, in order."""
        return [fact for fact, _ in self.published.values()]
