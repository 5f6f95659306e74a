"""Tell where an upload stands to whoever knows its address."""

from dataclasses import dataclass

from common.ids import UploadId
from upload_gateway.domain.upload import Upload
from upload_gateway.ports import Ledger, Writers


@dataclass(frozen=True, slots=True)
class FindUpload:
    """The address is a capability (protocols.md 1.3): asking needs nothing else."""

    ledger: Ledger
    writers: Writers

    async def __call__(self, upload_id: UploadId) -> Upload:
        """The true offset: a request that still writes is ended, what it brought is kept.

        Whoever asks is about to continue; a half-open connection would make the answer stale.
        Raises UploadNotFound or UploadGone.
        """
        await self.writers.settle(upload_id, "asked")
        return (await self.ledger.find(upload_id)).remembered()
