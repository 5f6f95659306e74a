"""End uploads that nobody continued, and clear up after all that ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from common.clock import Clock
from common.errors import RepriseError, Unavailable
from common.ids import UploadId
from upload_gateway.ports.ledger import Ledger
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.tell_end import tell_end

_BATCH = 100
_ENOUGH = 3  # failures in a row: the store is away, and each further one would cost its time-outs


@dataclass(frozen=True, slots=True)
class ExpireUploads:
    """Run by the clock; several processes may do it at once.

    A live upload is never touched, even where its client needs longer than the expiry for a part.

    Uploads that ended less than `patience` ago are being cleared by whoever ended them.
    """

    ledger: Ledger
    clear: ClearUpload
    clock: Clock
    patience: timedelta

    async def __call__(self) -> int:
        """How many expired; raises a kind of common.errors, and the next run does what is left."""
        due = await self.ledger.due(self.clock.now(), _BATCH)
        expired = [upload_id for upload_id in due if await self._expire(upload_id)]
        leftovers = await self.ledger.uncleared(self.clock.now() - self.patience, _BATCH)
        await self._clear((*expired, *leftovers))
        return len(expired)

    async def _clear(self, uploads: Sequence[UploadId]) -> None:
        """All of them: one that the store refuses must not keep the others for ever."""
        failure: RepriseError | None = None
        in_a_row = 0
        for upload_id in uploads:
            try:
                await self.clear(upload_id)
                in_a_row = 0
            except Unavailable as error:
                failure, in_a_row = error, in_a_row + 1
            except RepriseError as error:
                failure = error
            if in_a_row == _ENOUGH:
                break
        if failure is not None:
            raise failure

    async def _expire(self, upload_id: UploadId) -> bool:
        async with self.ledger.change() as tx:
            upload = await tx.locked(upload_id)
            if not upload.due(self.clock.now()) or await tx.written(upload_id):
                return False  # it got bytes, or a writer, or its end, since it was listed
            done = upload.expired(self.clock.now())
            if not done.partial:
                done = await tell_end(tx, done, self.clock)
            await tx.save(done)
        return True
