"""The catalog's ports in memory: transactions one after the other, undone when they raise."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from catalog.domain.asset import Asset, Change
from catalog.domain.details import Details
from catalog.domain.publication import publish
from catalog.domain.states import State
from catalog.ports import AssetFilter, AssetView, CatalogTransaction
from common.clock import Clock
from common.errors import Corrupt
from common.events import Message
from common.events.envelope import Envelope
from common.events.topics import TRANSCODER, UPLOAD_GATEWAY
from common.ids import AssetId, UserId
from common.testing.clock import ManualClock


@dataclass
class MemoryCatalog:
    """Transactions, their ports and the reader in one object."""

    clock: Clock = field(default_factory=ManualClock)
    rows: dict[AssetId, Asset] = field(default_factory=dict)
    entries: dict[tuple[UserId, str], AssetId] = field(default_factory=dict)
    details: dict[tuple[AssetId, str], Details] = field(default_factory=dict)
    outbox: list[Message] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CatalogTransaction]:
        before = dict(self.rows), dict(self.entries), dict(self.details), list(self.outbox)
        try:
            yield self
        except BaseException:
            self.rows, self.entries, self.details, self.outbox = before
            raise

    @property
    def assets(self) -> "MemoryCatalog":
        return self

    @property
    def library(self) -> "MemoryCatalog":
        return self

    @property
    def names(self) -> "MemoryCatalog":
        return self

    async def now(self) -> datetime:
        return self.clock.now()

    async def lock(self, asset_id: AssetId) -> Asset | None:
        return self.rows.get(asset_id)

    async def lock_or_create(self, asset: Asset) -> Asset:
        return self.rows.setdefault(asset.asset_id, asset)

    async def lock_due(self) -> Asset | None:
        now = self.clock.now()
        due = [
            (asset.restorable_until, asset.asset_id)
            for asset in self.rows.values()
            if asset.state is State.DELETED
            and asset.restorable_until is not None
            and asset.restorable_until <= now
        ]
        return self.rows[min(due)[1]] if due else None

    async def save(self, change: Change, cause: Envelope | None) -> Asset:
        asset, messages = publish(change, clock=self.clock, cause=cause)
        self.rows[asset.asset_id] = asset
        self.outbox += messages
        return asset

    async def admit(self, asset: Asset) -> AssetId:
        if asset.original is None:
            raise Corrupt("only stored bytes enter the library", code="illegal_transition")
        return self.entries.setdefault((asset.user_id, asset.original.sha256), asset.asset_id)

    async def release(self, asset_id: AssetId) -> None:
        self.entries = {place: held for place, held in self.entries.items() if held != asset_id}

    async def keep(self, details: Details) -> bool:
        place = (details.asset_id, details.source)
        if place in self.details and self.details[place].sequence >= details.sequence:
            return False
        self.details[place] = details
        return True

    async def erase(self, asset_id: AssetId) -> None:
        for place, details in self.details.items():
            if place[0] == asset_id:
                self.details[place] = details.emptied()

    async def find(self, asset_id: AssetId) -> AssetView | None:
        asset = self.rows.get(asset_id)
        return self._view(asset) if asset else None

    async def page(
        self, chosen: AssetFilter, *, after: AssetId | None, limit: int
    ) -> Sequence[AssetView]:
        found = [
            asset
            for asset in sorted(self.rows.values(), key=lambda row: row.asset_id, reverse=True)
            if chosen.owner in {None, asset.user_id}
            and (chosen.states is None or asset.state in chosen.states)
            and (after is None or asset.asset_id < after)
        ]
        return [self._view(asset) for asset in found[:limit]]

    async def stored(self, owner: UserId, digests: Sequence[str]) -> Mapping[str, AssetId]:
        return {
            digest: self.entries[owner, digest]
            for digest in digests
            if (owner, digest) in self.entries
        }

    def _view(self, asset: Asset) -> AssetView:
        upload = self.details.get((asset.asset_id, UPLOAD_GATEWAY))
        media = self.details.get((asset.asset_id, TRANSCODER))
        return AssetView(
            asset=asset,
            file_name=upload.file_name if upload else None,
            tags=media.tags if media else {},
        )
