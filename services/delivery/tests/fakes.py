"""Ports in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from common.errors import RepriseError
from common.testing.clock import ManualClock
from delivery.domain.byte_range import ByteRange
from delivery.domain.media import Asset, Entry, StoredMedia


class MemoryIndex:
    """A serving index whose waiting moves the clock instead of taking time."""

    def __init__(self, clock: ManualClock) -> None:
        self.entries: dict[UUID, Entry] = {}
        self.fresh: datetime | None = clock.now()
        self.is_loaded = True
        self.waits = 0
        self.arrives: Callable[[], None] = lambda: None
        self._clock = clock

    def know(self, *assets: Asset) -> None:
        for asset in assets:
            self.entries[asset.asset_id] = asset

    def entry(self, asset_id: UUID) -> Entry | None:
        return self.entries.get(asset_id)

    def fresh_until(self) -> datetime | None:
        return self.fresh

    def loaded(self) -> bool:
        return self.is_loaded

    async def changed(self, timeout: float) -> None:
        self.waits += 1
        self._clock.advance(min(timeout, 0.5))
        self.arrives()


class MemoryStore:
    """A media store of byte strings; it can refuse, or break after some bytes of a body."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.refusal: RepriseError | None = None
        self.breaks_after: int | None = None
        self.reads: list[tuple[str, ByteRange]] = []
        self.open_now = 0

    @asynccontextmanager
    async def open(
        self, media: StoredMedia, wanted: ByteRange
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        if self.refusal is not None:
            raise self.refusal
        self.reads.append((media.key, wanted))
        self.open_now += 1
        try:
            yield self._chunks(self.files[media.key][wanted.first : wanted.last + 1])
        finally:
            self.open_now -= 1

    async def _chunks(self, data: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(data), 64):
            if self.breaks_after is not None and start >= self.breaks_after:
                raise RepriseError("broken", code="storage_unavailable")
            yield data[start : start + 64]
