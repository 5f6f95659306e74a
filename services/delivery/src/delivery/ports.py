"""What delivery needs of the world: an index to look into and to write, a store to read from."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from delivery.domain.byte_range import ByteRange
from delivery.domain.media import Change, Entry, StoredMedia


class ServingIndex(Protocol):
    """The reading side of this node's index (design §4). No call leaves the machine."""

    def entry(self, asset_id: UUID) -> Entry | None:
        """What is known of the asset now, None when no record ever arrived. Takes microseconds."""
        ...

    def fresh_until(self) -> datetime | None:
        """The catalog's watermark: every change it committed before this moment is in the index.

        None when it was never heard. It survives a restart, so that the age of the index can be
        told while Kafka is away.
        """
        ...

    def loaded(self) -> bool:
        """Whether the index was filled to the end once for the current epoch of the log."""
        ...

    async def changed(self, timeout: float) -> None:
        """Wait until records were applied, at most `timeout` seconds; may return early."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the index has come.

    `offset` is the next record to read, `epoch` the log it was read from. `heard_at` is when the
    log was last read to its end, or the filling began: since then tombstones can have been missed.
    """

    offset: int = 0
    epoch: UUID | None = None
    loaded: bool = False
    heard_at: datetime | None = None
    watermarks_offset: int = 0


class IndexWriter(Protocol):
    """The writing side, one per index file.

    Each call is one transaction, and a crash loses whole calls only. All but `take_over` raise
    Unavailable (`index_not_ours`, `index_unavailable`) when they cannot be done.
    """

    async def take_over(self, stop: asyncio.Event) -> bool:
        """Wait until this process is the one that writes; false when `stop` was set before that."""
        ...

    def progress(self) -> Progress:
        """Where to go on."""
        ...

    async def apply(self, changes: Sequence[Change], next_offset: int, heard_at: datetime) -> int:
        """Apply, in order, the changes with a sequence higher than known, and note the offset.

        Returns how many counted. While a refill is under way, what was read before it does not
        count as known.
        """
        ...

    async def begin_fill(self, epoch: UUID, now: datetime) -> None:
        """Start over from offset 0.

        Entries stay readable until the new reading replaces them or has ended.
        """
        ...

    async def finish_fill(self) -> None:
        """The end was reached: the index is `loaded`, what this reading did not meet is gone."""
        ...

    async def note_watermark(self, fresh_until: datetime, next_offset: int) -> None:
        """Keep the catalog's watermark, unless it is older than the one known, and its position."""
        ...


class Handover(Protocol):
    """A rebuilt index on its way to become the live one, seen by the writer of the live one."""

    def candidate(self) -> IndexWriter | None:
        """The finished index that is offered, opened for writing; None while there is none."""
        ...

    async def adopt(self) -> bool:
        """Make the candidate the live index, in one step that no reader notices.

        False while the live one knows records that the candidate has not read: an asset that was
        deleted must not be served again for a moment. What is gone in the live one, and the log has
        forgotten, is gone in the candidate first. Raises Conflict when it cannot be done.
        """
        ...

    def refuse(self, reason: str) -> None:
        """Take the offer away; the live index stays."""
        ...

    def behind(self) -> int | None:
        """Records between an index that is being built and the live one; None when none is."""
        ...

    def close(self) -> None:
        """Let go of the candidate; it stays offered."""
        ...


class MediaStore(Protocol):
    """Ranged reads of immutable objects."""

    def open(
        self, media: StoredMedia, wanted: ByteRange
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Begin to read; entering means that the store has answered and the first bytes are coming.

        The read carries the recorded ETag as If-Match, so other bytes under the key are never sent.
        A body that breaks is taken up again where it stopped; when that fails the iterator raises
        Unavailable. Leaving the context ends the read at once. Raises Gone (no such object),
        ObjectChanged, or Unavailable with codes `storage_unavailable` and `storage_denied`.
        """
        ...
