"""Take the catalog's word that the same bytes already live in this library."""

from dataclasses import dataclass
from uuid import UUID

from common.ids import UploadId
from upload_gateway.domain.errors import UploadNotFound
from upload_gateway.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class MarkDuplicate:
    """Twice is once, and other ends stay as they are: the state itself is the memory."""

    ledger: Ledger

    async def __call__(self, upload_id: UploadId, duplicate_of: UUID) -> None:
        """An upload this ledger does not know (restored from elsewhere) is none of ours to mark."""
        async with self.ledger.change() as tx:
            try:
                upload = await tx.locked(upload_id)
            except UploadNotFound:
                return
            marked = upload.duplicate(duplicate_of)
            if marked is not upload:
                await tx.save(marked)
