"""What the use cases need of the world, and what each of it must guarantee."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from catalog.domain.asset import Asset, Change
from catalog.domain.details import Details
from catalog.domain.states import State
from common.events.envelope import Envelope
from common.ids import AssetId, UserId


class Assets(Protocol):
    """The rows of all assets, for writing.

    Every row handed out stays locked until the transaction ends.

    All methods raise Unavailable when the database does not answer or gives up on a lock.
    """

    async def lock(self, asset_id: AssetId) -> Asset | None:
        """The asset with all its renditions, waiting for whoever holds it.

        None when it was never heard of.
        """
        ...

    async def lock_or_create(self, asset: Asset) -> Asset:
        """Insert the row, or lock the one that is there and hand that out.

        Never a second one, whoever races.
        """
        ...

    async def lock_due(self) -> Asset | None:
        """One deleted asset whose grace is over by the database's clock, oldest first.

        Rows held by others are passed over: a restore in flight wins, and two sweeps share the
        work.
        """
        ...

    async def save(self, change: Change, cause: Envelope | None) -> Asset:
        """Store the asset and append its facts and state record to the outbox, in this transaction.

        The asset must have been locked or created in it, so that sequences are given in commit
        order. `cause` is the envelope of the event that led here; None for a command. Returns the
        asset as stored.
        """
        ...


class Library(Protocol):
    """Which living asset holds given bytes for an owner.

    One at most, kept by a unique index, not by looking.
    """

    async def admit(self, asset: Asset) -> AssetId:
        """Enter the asset under its owner and digest.

        Return the id that stands there: its own, or the one before.

        Waits for a concurrent transaction that is entering or leaving the same bytes. Takes no lock
        on the row of the asset before: lock it afterwards and look whether it still lives. The
        asset must have an original.
        """
        ...

    async def release(self, asset_id: AssetId) -> None:
        """Take the asset out of the library; doing it twice is the same as once."""
        ...


class Names(Protocol):
    """File names and tags, one row per asset and producer; nothing here ever reaches a fact."""

    async def keep(self, details: Details) -> bool:
        """Store the record if its sequence is higher than the stored one.

        False when it was old news.
        """
        ...

    async def erase(self, asset_id: AssetId) -> None:
        """Empty all rows of the asset; their sequences stay, so that nothing older comes back."""
        ...


class CatalogTransaction(Protocol):
    """One transaction: everything in it is committed together, or nothing is."""

    @property
    def assets(self) -> Assets:
        """The asset rows."""
        ...

    @property
    def library(self) -> Library:
        """The digests of living assets."""
        ...

    @property
    def names(self) -> Names:
        """File names and tags."""
        ...

    async def now(self) -> datetime:
        """The database's clock.

        The one clock that all processes share, and the one graces are measured by.
        """
        ...


class Transactions(Protocol):
    """The way to a transaction."""

    def open(self) -> AbstractAsyncContextManager[CatalogTransaction]:
        """Commits on leaving normally, rolls back on an exception; wakes the relay after a commit.

        Raises Unavailable when the database does not answer; then nothing was committed, except
        when the connection was lost in the commit itself: callers repeat, and repeating is safe.
        Raises Corrupt (`constraint_violated`) for a row that the schema refuses.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetView:
    """An asset with its names, as it is read."""

    asset: Asset
    file_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetFilter:
    """Which assets a list holds. `owner` None is everybody's, `states` None is every state."""

    owner: UserId | None = None
    states: frozenset[State] | None = None


class AssetReader(Protocol):
    """Reading without locks: what was committed when asked. All methods raise Unavailable."""

    async def find(self, asset_id: AssetId) -> AssetView | None:
        """One asset, or None."""
        ...

    async def page(
        self, chosen: AssetFilter, *, after: AssetId | None, limit: int
    ) -> Sequence[AssetView]:
        """Up to `limit` assets, newest first, that come after the given one.

        Cost does not grow with depth: ids are ordered by time and are the keyset themselves.
        """
        ...

    async def stored(self, owner: UserId, digests: Sequence[str]) -> Mapping[str, AssetId]:
        """Which of these SHA-256 digests the owner's library holds, and as which living asset."""
        ...
