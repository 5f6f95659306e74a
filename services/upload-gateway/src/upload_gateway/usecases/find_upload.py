"""Tell where an upload stands to whoever knows its address."""

from dataclasses import dataclass

from common.ids import UploadId
from upload_gateway.domain.errors import UploadNotFound
from upload_gateway.domain.upload import RUNNING, Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.writers import Presence, Writers


@dataclass(frozen=True, slots=True)
class FindUpload:
    """The address is a capability (protocols.md 1.3): asking needs nothing else."""

    ledger: Ledger
    writers: Writers
    presence: Presence

    async def __call__(self, upload_id: UploadId) -> Upload:
        """The true offset: a request that still writes is ended, what it brought is kept.

        Whoever asks is about to continue; a half-open connection would make the answer stale.
        Raises UploadNotFound or UploadGone, and UploadBusy when that request does not end in time.
        """
        await self.writers.settle(upload_id, "asked")
        upload = (await self.ledger.find(upload_id)).remembered()
        if upload.presigned:
            raise UploadNotFound("it has no address for bytes here")
        if upload.state in RUNNING and await self.presence.settle(upload_id):
            upload = (await self.ledger.find(upload_id)).remembered()
        return upload
