"""Tell an owner everything about one upload, with the receipt once it is stored."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from common.clock import Clock
from common.errors import Unavailable
from common.ids import UploadId, UserId
from common.tokens import Receipt, Receipts
from upload_gateway.domain.errors import MultipartForgotten, UploadNotFound
from upload_gateway.domain.journey import Journey
from upload_gateway.domain.telling import Told
from upload_gateway.domain.upload import RUNNING, Part, Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.store import PartStore

TIMELINE = 200  # entries, the newest


@dataclass(frozen=True, slots=True)
class Described:
    """An upload, what became of its asset, and what its owner was told, oldest first.

    The signed receipt is None unless the upload is stored. `parts` are those the store has of a
    signed multipart that is still open; None where there is none, or where the store does not
    answer.
    """

    upload: Upload
    receipt: str | None
    parts: list[Part] | None = None
    journey: Journey | None = None
    timeline: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class DescribeUpload:
    """Another one's upload does not exist for the caller."""

    ledger: Ledger
    store: PartStore
    receipts: Receipts
    clock: Clock

    async def __call__(self, upload_id: UploadId, user_id: UserId) -> Described:
        """Raises UploadNotFound."""
        upload = await self.ledger.find(upload_id)
        if upload.user_id != user_id:
            raise UploadNotFound
        journeys = await self.ledger.journeys([upload.asset_id])
        return Described(
            upload,
            self._receipt(upload),
            await self._parts(upload),
            journeys.get(upload.asset_id),
            await self.ledger.timeline(upload_id, TIMELINE),
        )

    async def _parts(self, upload: Upload) -> list[Part] | None:
        """So that a page that was reloaded sends only what is missing."""
        if upload.mode != "multipart" or upload.state not in RUNNING:
            return None
        if upload.multipart_id is None:
            return []
        with suppress(Unavailable, MultipartForgotten):
            return await self.store.held(upload.key, upload.multipart_id)
        return None

    def _receipt(self, upload: Upload) -> str | None:
        if upload.state != "stored":
            return None
        receipt = Receipt(
            upload_id=upload.id,
            asset_id=upload.asset_id,
            user_id=upload.user_id,
            kind=upload.kind,
            key=upload.key,
            sha256=upload.sha256 or "",
            size=upload.size or 0,
            content_type=upload.content_type or "",
            parent=upload.parent,
            sequence=upload.sequence,
        )
        return self.receipts.issue(receipt, now=self.clock.now())
