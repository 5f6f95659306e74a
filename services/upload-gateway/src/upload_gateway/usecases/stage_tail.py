"""Keep what is less than a part: one immutable object and one row for each request."""

import asyncio
from dataclasses import dataclass

from common.clock import Clock
from common.failpoints import failpoint
from upload_gateway.domain.checksum import RunningDigest
from upload_gateway.domain.upload import Upload, expiry_after
from upload_gateway.ports import Ledger, Staging


@dataclass(frozen=True, slots=True)
class StageTail:
    """Clients with small chunks make progress by this, and a cut request keeps what arrived."""

    ledger: Ledger
    staging: Staging
    clock: Clock
    expiry: int

    async def __call__(
        self, upload: Upload, tail: memoryview, digest: RunningDigest | None
    ) -> Upload:
        """With the tail committed; raises Superseded or Unavailable with nothing counted."""
        segment = await self.staging.put(upload.id, upload.offset, tail)
        await failpoint("gateway.after_tail_stored")
        async with self.ledger.change() as tx:
            held = (await tx.locked(upload.id)).held_by(upload.generation)
            until = expiry_after(self.clock.now(), self.expiry)
            advanced = held.advanced(held.offset + len(tail), until)
            await tx.add_segment(upload.id, segment)
            await tx.save(advanced)
        if digest is not None:
            await asyncio.to_thread(digest.update, tail)
        return advanced
