"""End uploads that nobody continued, and clear up after all that ended."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from common.clock import Clock
from common.errors import RepriseError, Unavailable
from common.ids import UploadId
from upload_gateway.ports.ledger import Ledger
from upload_gateway.usecases.clear_upload import ClearUpload
from upload_gateway.usecases.tell_end import tell_end

_BATCH = 100
_ENOUGH = 3  # failures in a row: a server is away, and each further one would cost its time-outs


def _silent() -> None:
    """For those whom nobody watches."""


@dataclass(frozen=True, slots=True)
class ExpireUploads:
    """Run by the clock; several processes may do it at once.

    A live upload is never touched, even where its client needs longer than the expiry for a part.

    Uploads that ended less than `patience` ago are being cleared by whoever ended them. `at_most`
    seconds are spent on one: what is removed by then need not be the next time.
    """

    ledger: Ledger
    clear: ClearUpload
    clock: Clock
    patience: timedelta
    at_most: float = 30.0

    async def __call__(self, progress: Callable[[], None] = _silent) -> int:
        """How many expired; raises a kind of common.errors, and the next run does what is left.

        `progress` is called for each upload: with a slow store a run takes many minutes.
        """
        due = await self.ledger.due(self.clock.now(), _BATCH)
        expired, refused = await _each(due, self._expire, progress)
        leftovers = await self.ledger.uncleared(self.clock.now() - self.patience, _BATCH)
        _, stuck = await _each((*expired, *leftovers), self._clear, progress)
        if failure := refused or stuck:
            raise failure
        return len(expired)

    async def _clear(self, upload_id: UploadId) -> None:
        try:
            async with asyncio.timeout(self.at_most):
                await self.clear(upload_id)
        except TimeoutError as error:
            raise Unavailable("more is to be removed than fits into one turn") from error

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


async def _each(
    uploads: Sequence[UploadId],
    act: Callable[[UploadId], Awaitable[bool | None]],
    progress: Callable[[], None],
) -> tuple[list[UploadId], RepriseError | None]:
    """Those it was done to, and what failed for another, which must not keep them for ever."""
    done = list[UploadId]()
    failure: RepriseError | None = None
    in_a_row = 0
    for upload_id in uploads:
        progress()
        try:
            if await act(upload_id):
                done.append(upload_id)
            in_a_row = 0
        except Unavailable as error:
            failure, in_a_row = error, in_a_row + 1
        except RepriseError as error:
            failure = error
        if in_a_row == _ENOUGH:
            break
    return done, failure
