"""Tell the client of a finished upload that its bytes are gone, once that is beyond doubt."""

from dataclasses import dataclass

from common.clock import Clock
from common.ids import UploadId
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.transaction import Ticket
from upload_gateway.usecases.tell_end import reject
from upload_gateway.usecases.withdraw_partials import withdraw_partials


@dataclass(frozen=True, slots=True)
class GiveUpUpload:
    """Only for a multipart that the store has forgotten, or an object that holds other bytes.

    Whoever calls has asked the store often enough.
    """

    ledger: Ledger
    clock: Clock

    async def __call__(self, upload_id: UploadId, ticket: Ticket) -> Upload:
        """The upload as it ended; raises Unavailable and whatever a lost lease raises."""
        async with self.ledger.change() as tx:
            upload = await tx.locked(upload_id)
            if upload.state == "verifying":
                upload = await reject(tx, upload, "bytes_lost", self.clock)
                await withdraw_partials(tx, upload, self.clock.now())
            await tx.close(ticket)
        return upload
