"""What the janitor needs: a store that deletes, and one transaction over its own rows."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from common.events import Fact
from common.ids import AssetId, EventId, ObjectKey
from common.jobs.job import Job
from janitor.domain.ledger import Declaration, LedgerEntry, ObjectState
from janitor.domain.purge_order import Cause, Purge, PurgeOrder


class ObjectRemover(Protocol):
    """Deletes objects, one whole key at a time."""

    async def remove(self, key: ObjectKey) -> None:
        """Delete the object; one that is gone, or never was, is success: a repeat must end well.

        Raises Unavailable when the store does not answer or refuses for now; nothing is known of
        the object then.
        """
        ...


class Ledger(Protocol):
    """Every object heard of. Rows are never removed: a purged one is the proof (JAN-05)."""

    async def hold(self, asset_id: AssetId) -> bool:
        """Lock the asset until the transaction ends; True when a fact has already ended it.

        Called first in every transaction that writes: a declaration, the end of its asset and the
        numbering of facts happen one after the other, so that the outcome does not depend on
        which topic was read first.
        """
        ...

    async def declare(self, declaration: Declaration, state: ObjectState) -> None:
        """Add a row, first seen now in database time.

        Of a known one only a missing declarer is filled in. A condemned one gets reason and cause
        of the fact that ended its asset.
        """
        ...

    async def hold_all(self, asset_ids: Collection[AssetId]) -> frozenset[AssetId]:
        """Lock many assets at once, always in the same order; those a fact has already ended."""
        ...

    async def declare_all(self, declarations: Sequence[Declaration], state: ObjectState) -> None:
        """`declare` for many; of two with one key the first counts."""
        ...

    async def condemn(self, order: PurgeOrder) -> None:
        """Condemn the order's keys, known or not. A purged row stays purged.

        An order that ends its asset condemns every living key of it, and the asset is remembered
        as dead.
        """
        ...

    async def close(self, order: PurgeOrder) -> Sequence[ObjectKey]:
        """Mark the order's keys purged on its cause's word; return those that were not yet."""
        ...


class PurgeOrders(Protocol):
    """The orders, kept for ever; the row of an order is also the memory that its fact was seen."""

    async def place(self, order: PurgeOrder) -> bool:
        """Record the order and queue its job. False when it was placed before."""
        ...

    async def find(self, order_id: EventId) -> Purge:
        """One order. Raises NotFound; RefusesToDelete when its row no longer passes the guard."""
        ...

    async def record_failure(self, order_id: EventId, error: str) -> int:
        """Count one failed try under its stable code; return how many there were."""
        ...

    async def finish(self, order_id: EventId, job: Job) -> None:
        """Record the end and complete the job.

        Raises LeaseLost when the lease ended meanwhile: the whole transaction must then roll back,
        because another worker holds the order and will say the same.
        """
        ...


class Publisher(Protocol):
    """The outbox: what is published is committed with the rows, or neither is."""

    async def publish(
        self, fact: Fact, *, asset_id: AssetId, event_id: EventId, cause: Cause
    ) -> None:
        """Append a fact, numbered next in the asset's sequence of media.purges.v1.

        `event_id` is derived by the caller from what happened, so that a repeat says the same
        thing again.
        """
        ...


class Transaction(Protocol):
    """The ports that share one transaction."""

    @property
    def ledger(self) -> Ledger: ...

    @property
    def orders(self) -> PurgeOrders: ...

    @property
    def publisher(self) -> Publisher: ...


class UnitOfWork(Protocol):
    """Begins transactions."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises Unavailable when the database does not answer.
        """
        ...


class Register(Protocol):
    """What an operator reads; pages run by key, so that they stay flat in depth."""

    async def objects(
        self, asset_id: AssetId, *, after: ObjectKey | None, limit: int
    ) -> Sequence[LedgerEntry]:
        """The asset's objects in key order, past `after`."""
        ...

    async def purges(
        self, *, before: tuple[datetime, EventId] | None, limit: int
    ) -> Sequence[Purge]:
        """Orders, newest first, older than the (ordered_at, id) given."""
        ...
