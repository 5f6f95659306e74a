"""The rows of all uploads, and what they are asked."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from common.ids import AssetId, UploadId, UserId
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.limits import Open
from upload_gateway.domain.telling import Told
from upload_gateway.domain.upload import Part, Segment, State, Upload
from upload_gateway.ports.transaction import Transaction


class Ledger(Protocol):
    """The rows of all uploads; what is committed here is what clients are told.

    Every method raises Unavailable when Postgres does not answer; nothing was acknowledged then.
    """

    def change(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction."""
        ...

    async def find(self, upload_id: UploadId) -> Upload:
        """The row as it is; raises UploadNotFound."""
        ...

    async def parts(self, upload_id: UploadId) -> list[Part]:
        """Committed parts by number."""
        ...

    async def segments(self, upload_id: UploadId) -> list[Segment]:
        """Staged segments by their start."""
        ...

    async def page(
        self, user_id: UserId, after: AssetId | None, limit: int, states: Collection[State] = ()
    ) -> list[Upload]:
        """A person's uploads, newest first, older than the one named by `after`.

        `states` are those that are wanted; empty means all.
        """
        ...

    async def journeys(self, assets: Collection[AssetId]) -> dict[AssetId, Journey]:
        """What became of these assets, as far as anything was heard."""
        ...

    async def timeline(self, upload_id: UploadId, limit: int) -> list[Told]:
        """What its owner was told of one upload, the newest `limit` entries, oldest first."""
        ...

    async def due(self, now: datetime, limit: int) -> list[UploadId]:
        """Running uploads past their expiry that nobody writes to, the oldest first.

        And partial ones that wait in vain: not those whose final upload is still to be built.
        """
        ...

    async def renew(self, uploads: Collection[UploadId]) -> None:
        """Their slots stay in use for another lease: requests of theirs move bytes."""
        ...

    async def leave(self, upload_id: UploadId, generation: int) -> None:
        """Free the slot now, unless a newer writer than `generation` has it."""
        ...

    async def open_now(self) -> Open:
        """What everybody has open, as it was a moment ago: for gauges, never for decisions."""
        ...

    async def stranded_now(self) -> int:
        """How many uploads wait for an operator, as it was a moment ago."""
        ...

    async def forget_names(self, before: datetime) -> int:
        """Drop file names of uploads that ended nameless before that; how many, a bounded number.

        They were for their owners; the catalog never had them.
        """
        ...

    async def forget_leases(self) -> None:
        """Drop what ran out long ago; slots and paces that count stay."""
        ...

    async def uncleared(self, ended_before: datetime, limit: int) -> list[UploadId]:
        """Ended uploads whose leftovers in the store are not yet known to be gone.

        Without those that are looked at again after `ended_before`, or whose writer has not heard
        yet that they ended.
        """
        ...
