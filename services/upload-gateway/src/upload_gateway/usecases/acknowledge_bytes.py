"""Commit what the store has: from here on it counts, and the client is told so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from common.clock import Clock
from upload_gateway.domain.checksum import RunningDigest
from upload_gateway.domain.upload import Part, Segment, Upload, expiry_after
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.transaction import Transaction
from upload_gateway.usecases.admit_upload import AdmitUpload
from upload_gateway.usecases.tell_end import tell_end


@dataclass(frozen=True, slots=True)
class AcknowledgeBytes:
    """The commit of the last byte also moves the upload on to `verifying`.

    A partial upload waits there for its final one; there is nothing to judge in a piece.

    `expiry` is seconds without progress.
    """

    ledger: Ledger
    admit: AdmitUpload
    clock: Clock
    expiry: int

    async def __call__(
        self,
        upload: Upload,
        offset: int,
        running: RunningDigest | None,
        parts: Sequence[Part] = (),
        segments: Sequence[Segment] = (),
        *,
        last: bool = False,
    ) -> Upload:
        """The upload with all bytes before `offset`; raises Superseded or Unavailable.

        And BytesInFlightExceeded or QuotaExceeded, where the upload's length is not known. `last`
        says that this request brings nothing more.
        """
        async with self.ledger.change() as tx:
            held = (await tx.locked(upload.id)).held_by(upload.generation)
            if held.length is None:
                more = (offset if upload.length is None else upload.length) - held.offset
                await self.admit.grown(tx, held.user_id, more)
            # the length may be this request's word, which counts from here on
            held = replace(held, length=upload.length)
            advanced = held.advanced(offset, expiry_after(self.clock.now(), self.expiry))
            for part in parts:
                await tx.add_part(upload.id, part)
            for segment in segments:
                await tx.add_segment(upload.id, segment)
            if advanced.whole:
                unbroken = running is not None and running.offset == offset
                sha256 = running.hexdigest() if running and unbroken else None
                advanced = await self._whole(tx, advanced.verifying(sha256))
            if advanced.whole or last:
                # whoever waits for the end of this request may go on
                await tx.absent(upload.id)
            await tx.save(advanced)
        return advanced

    async def _whole(self, tx: Transaction, upload: Upload) -> Upload:
        """On its way to be judged; bytes known to be wrong need no judge, nor an object."""
        if upload.belies(upload.sha256):
            upload = upload.rejected("checksum_mismatch", self.clock.now())
            if not upload.partial:
                upload = await tell_end(tx, upload, self.clock)
        elif not upload.partial:
            await tx.enqueue_verify(upload)
        return upload
