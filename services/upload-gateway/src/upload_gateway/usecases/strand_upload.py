"""Leave an upload that cannot be verified where it is, and tell its owner and operators."""

from dataclasses import dataclass

from common.ids import UploadId
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.transaction import Ticket


@dataclass(frozen=True, slots=True)
class StrandUpload:
    """For failures that are not the client's: its bytes were acknowledged, nothing is given up.

    The upload stays `verifying` with a reason until an operator has it tried again.
    """

    ledger: Ledger

    async def __call__(self, upload_id: UploadId, ticket: Ticket, error: str) -> Upload:
        """The upload as it is now; raises Unavailable and whatever a lost lease raises."""
        async with self.ledger.change() as tx:
            upload = (await tx.locked(upload_id)).stranded()
            await tx.save(upload)
            await tx.bury(ticket, error)
        return upload
