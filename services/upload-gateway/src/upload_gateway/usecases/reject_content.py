"""End an upload whose first bytes already show that it would be refused."""

from dataclasses import dataclass

from common.clock import Clock
from common.ids import UploadId
from upload_gateway.domain.acceptance import Reason
from upload_gateway.domain.upload import RUNNING, Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.usecases.tell_end import reject


@dataclass(frozen=True, slots=True)
class RejectContent:
    """The same end, and the same fact, as a refusal after all bytes were received."""

    ledger: Ledger
    clock: Clock

    async def __call__(self, upload_id: UploadId, reason: Reason) -> Upload:
        """The upload as it ended; one that ended otherwise stays so. Raises Unavailable."""
        async with self.ledger.change() as tx:
            upload = await tx.locked(upload_id)
            if upload.state in RUNNING:
                upload = await reject(tx, upload, reason, self.clock)
        return upload
