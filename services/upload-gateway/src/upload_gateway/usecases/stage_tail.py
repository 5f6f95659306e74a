"""Keep what is less than a part: one immutable object and one row for each request."""

import asyncio
from dataclasses import dataclass

from common.failpoints import failpoint
from upload_gateway.domain.intake import Intake
from upload_gateway.domain.upload import Segment, Upload
from upload_gateway.ports.store import Staging
from upload_gateway.usecases.acknowledge_bytes import AcknowledgeBytes


@dataclass(frozen=True, slots=True)
class StageTail:
    """Clients with small chunks make progress by this, and a cut request keeps what arrived.

    A slow client stages in the middle of its request too, when others want its buffer.
    """

    acknowledge: AcknowledgeBytes
    staging: Staging

    async def __call__(self, upload: Upload, tail: memoryview, intake: Intake) -> Upload:
        """With the tail committed, and what waited for the end of its body; nothing follows.

        Raises Superseded or Unavailable with nothing counted.
        """
        segment = await self._put(upload, tail)
        segments, end = [*intake.staged, segment], upload.offset + len(tail)
        advanced = await self.acknowledge(
            upload, end, intake.running, intake.parts, segments, last=True
        )
        if not intake.waits:
            await asyncio.to_thread(intake.take, tail)
        return advanced

    async def midway(self, upload: Upload, fresh: memoryview, intake: Intake) -> Upload:
        """With these bytes out of the buffer, while the body goes on.

        They never end a part. Under a checksum their row waits as those of parts do.
        """
        segment = await self._put(upload, fresh)
        end = upload.offset + len(fresh)
        if intake.waits:
            intake.staged.append(segment)
            advanced = upload.advanced(end, upload.expires_at)
        else:
            advanced = await self.acknowledge(upload, end, intake.running, segments=[segment])
        await asyncio.to_thread(intake.take, fresh)
        return advanced

    async def _put(self, upload: Upload, fresh: memoryview) -> Segment:
        segment = await self.staging.put(upload.id, upload.offset, fresh)
        await failpoint("gateway.after_tail_stored")
        return segment
