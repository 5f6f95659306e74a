"""Keep what is less than a part: one immutable object and one row for each request."""

import asyncio
from dataclasses import dataclass

from common.failpoints import failpoint
from upload_gateway.domain.intake import Intake
from upload_gateway.domain.upload import Upload
from upload_gateway.ports import Staging
from upload_gateway.usecases.acknowledge_bytes import AcknowledgeBytes


@dataclass(frozen=True, slots=True)
class StageTail:
    """Clients with small chunks make progress by this, and a cut request keeps what arrived."""

    acknowledge: AcknowledgeBytes
    staging: Staging

    async def __call__(self, upload: Upload, tail: memoryview, intake: Intake) -> Upload:
        """With the tail committed, and the parts that waited for the end of their body.

        Raises Superseded or Unavailable with nothing counted.
        """
        segment = await self.staging.put(upload.id, upload.offset, tail)
        await failpoint("gateway.after_tail_stored")
        end = upload.offset + len(tail)
        advanced = await self.acknowledge(upload, end, intake.running, intake.parts, segment)
        if not intake.waits:
            await asyncio.to_thread(intake.take, tail)
        return advanced
