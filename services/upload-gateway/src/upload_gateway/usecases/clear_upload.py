"""Remove what an ended upload left: open multiparts, staged segments, an object nobody wants."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from common.clock import Clock
from common.errors import RepriseError
from common.ids import UploadId
from upload_gateway.domain.upload import ENDED
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.store import PartStore, Staging

# seconds: whoever ends an upload is not kept waiting for a store that is silent
SOON = 2.0


@dataclass(frozen=True, slots=True)
class ClearUpload:
    """Finds everything by the upload's own key and prefix, whether or not a row knows of it.

    `late` is how long after the end of a signed URL its last request may still arrive; `patience`
    how many seconds `soon` may take.
    """

    ledger: Ledger
    store: PartStore
    staging: Staging
    clock: Clock
    late: timedelta
    patience: float = SOON

    async def __call__(self, upload_id: UploadId) -> None:
        """Safe to run again; raises Unavailable when the store does not answer."""
        upload = await self.ledger.find(upload_id)
        if upload.state not in ENDED or upload.cleared:
            return
        now = self.clock.now()  # what comes while the store is asked is not known to be gone
        await self.store.discard(upload.key, upload.multipart_id)
        await self.staging.clear(upload_id)
        if upload.unwanted:
            await self.store.remove(upload.key)
        async with self.ledger.change() as tx:
            locked = await tx.locked(upload_id)
            if locked.generation != upload.generation:
                return  # somebody was late: what came of that is the sweep's to find
            await tx.forget_segments(upload_id, await tx.segments(upload_id))
            # of a process that was killed while it wrote
            await tx.absent(upload_id)
            await tx.save(locked.cleared_up(now, self.late))

    async def soon(self, upload_id: UploadId) -> None:
        """Now if the store does so in time, else by the sweep."""
        with suppress(RepriseError, TimeoutError):
            async with asyncio.timeout(self.patience):
                await self(upload_id)
