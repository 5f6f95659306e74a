"""Tell an owner everything about one upload, with the receipt once it is stored."""

from dataclasses import dataclass

from common.clock import Clock
from common.ids import UploadId, UserId
from common.tokens import Receipt, Receipts
from upload_gateway.domain.errors import UploadNotFound
from upload_gateway.domain.upload import Upload
from upload_gateway.ports import Ledger


@dataclass(frozen=True, slots=True)
class Described:
    """An upload and its signed receipt; None unless it is stored."""

    upload: Upload
    receipt: str | None


@dataclass(frozen=True, slots=True)
class DescribeUpload:
    """Another one's upload does not exist for the caller."""

    ledger: Ledger
    receipts: Receipts
    clock: Clock

    async def __call__(self, upload_id: UploadId, user_id: UserId) -> Described:
        """Raises UploadNotFound."""
        upload = await self.ledger.find(upload_id)
        if upload.user_id != user_id:
            raise UploadNotFound
        return Described(upload, self._receipt(upload))

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
            parent=None,
            sequence=upload.sequence,
        )
        return self.receipts.issue(receipt, now=self.clock.now())
