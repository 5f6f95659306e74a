"""The catalog's ports over one asset in memory, so that live use cases can be tried on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from catalog.domain.asset import Asset, Change
from catalog.domain.details import Details
from catalog.domain.publication import publish
from catalog.domain.states import State
from catalog.ports import CatalogTransaction
from common.clock import Clock
from common.events import Message
from common.events.envelope import Envelope
from common.ids import AssetId


@dataclass(slots=True)
class OneAsset:
    """Transactions, their ports and the one row.

    The log decides what the library decided then: `winner` holds the bytes, None is the asset
    itself. `at` is what the database's clock shows.
    """

    asset: Asset | None
    clock: Clock
    at: datetime
    winner: AssetId | None = None
    messages: list[Message] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CatalogTransaction]:
        yield self

    @property
    def assets(self) -> "OneAsset":
        return self

    @property
    def library(self) -> "OneAsset":
        return self

    @property
    def names(self) -> "OneAsset":
        return self

    async def now(self) -> datetime:
        return self.at

    async def lock(self, asset_id: AssetId) -> Asset | None:
        if self.asset is not None and asset_id == self.winner:
            # it lived then; what became of it since is told by its own history
            return replace(self.asset, asset_id=asset_id, state=State.READY)
        return self.asset

    async def lock_or_create(self, asset: Asset) -> Asset:
        self.asset = self.asset or asset
        return self.asset

    async def lock_due(self) -> Asset | None:
        return self.asset

    async def save(self, change: Change, cause: Envelope | None) -> Asset:
        self.asset, messages = publish(change, clock=self.clock, cause=cause)
        self.messages += messages
        return self.asset

    async def admit(self, asset: Asset) -> AssetId:
        return self.winner or asset.asset_id

    async def release(self, asset_id: AssetId) -> None:
        """The library is derived from the rows when all of them stand."""

    async def keep(self, details: Details) -> bool:
        """Names come by a topic of their own, after the rows."""
        return False

    async def erase(self, asset_id: AssetId) -> None:
        """Names are loaded when it is known whose are kept."""
