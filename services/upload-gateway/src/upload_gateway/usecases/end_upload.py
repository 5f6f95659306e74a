"""End an upload at its owner's wish: abort what runs, withdraw what is stored."""

from contextlib import suppress
from dataclasses import dataclass

from common.clock import Clock
from common.errors import Unavailable
from common.failpoints import failpoint
from common.ids import UploadId, UserId
from upload_gateway.domain.errors import UploadBusy, UploadGone, UploadNotFound
from upload_gateway.domain.facts import announced, withdrawn
from upload_gateway.domain.upload import Upload
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.transaction import Transaction
from upload_gateway.ports.writers import Presence, Writers
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.tell_end import tell_end
from upload_gateway.usecases.withdraw_partials import withdraw_partials


@dataclass(frozen=True, slots=True)
class EndUpload:
    """Idempotent for the client: a second call answers that it is gone."""

    ledger: Ledger
    writers: Writers
    presence: Presence
    clear: ClearUpload
    clock: Clock

    async def __call__(self, upload_id: UploadId, user_id: UserId) -> None:
        """Raises UploadNotFound or UploadGone; UploadBusy for a piece of what is being built."""
        async with self.ledger.change() as tx:
            upload = await tx.locked(upload_id)
            if upload.user_id != user_id:
                raise UploadNotFound
            if upload.remembered().state == "rejected":
                raise UploadGone("the upload was rejected")
            if upload.final_id is not None:
                # its client was told that all bytes of the whole are there; both end together
                raise UploadBusy("the upload it belongs to is being built", retry_after=2)
            await self._end(tx, upload)
        await failpoint("gateway.after_end")
        # a writer that does not end has lost the fence: nothing it still does counts. But what it
        # leaves in the store is the sweep's to find, later
        with suppress(UploadBusy, Unavailable):
            await self.writers.settle(upload_id, "ended")
            await self.presence.settle(upload_id)
            await self.clear.soon(upload_id)

    async def _end(self, tx: Transaction, upload: Upload) -> None:
        now = self.clock.now()
        if upload.state in {"stored", "duplicate"}:
            done = upload.withdrawn(now)
            await tx.publish(announced(done, withdrawn(done), self.clock))
        else:
            done = upload.aborted(now)
            if not done.partial:
                done = await tell_end(tx, done, self.clock)
            await withdraw_partials(tx, done, now)
        await tx.save(done)
